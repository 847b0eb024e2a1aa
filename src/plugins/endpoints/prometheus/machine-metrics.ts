import type { AgentView, Core, MachineInfo, Node } from '../../../kernel/contracts/index.js';
import type { PrometheusOptions } from './options.js';
import type { PlainLabels, Sheet } from './sheet.js';

export type MachineOptions = Pick<PrometheusOptions, 'machineLabels' | 'cpuTopology'>;

/** The host and the versions of what runs on it. All of it comes from memory: no daemon is asked. */
export function writeMachine(sheet: Sheet, agent: AgentView, options: MachineOptions): void {
  const machine = agent.host.machine();
  writeVersions(sheet, agent);
  sheet.plain('container_scrape_error', 'gauge', 'The containers could not be gathered (1) or could (0).', 0);
  const { machine_id, system_uuid, boot_id } = machine;
  const labels = options.machineLabels ? { boot_id, machine_id, system_uuid } : {};
  const gauge = (name: string, help: string, value: number, more: PlainLabels = {}) =>
    sheet.plain(`machine_${name}`, 'gauge', help, value, { ...labels, ...more });
  gauge('cpu_cores', 'Logical CPUs.', machine.num_cores);
  gauge('cpu_physical_cores', 'Cores.', machine.num_physical_cores);
  gauge('cpu_sockets', 'Processor packages.', machine.num_sockets);
  gauge('memory_bytes', 'Memory of the machine.', machine.memory_capacity);
  gauge('swap_bytes', 'Swap space of the machine.', machine.swap_capacity);
  if (options.cpuTopology) writeTopology(gauge, machine);
}

type Gauge = (name: string, help: string, value: number, labels: PlainLabels) => void;

function writeVersions(sheet: Sheet, agent: AgentView): void {
  const { kernelVersion, osVersion } = agent.host.versions();
  const labels = {
    cadvisorRevision: '',
    cadvisorVersion: `v${agent.version}`,
    dockerVersion: agent.runtimes().find(({ name }) => name === 'docker')?.version ?? '',
    kernelVersion,
    osVersion,
  };
  sheet.plain(
    'cadvisor_version_info',
    'gauge',
    'Versions of the host’s software and of the agent; always 1.',
    1,
    labels,
  );
}

function writeTopology(gauge: Gauge, { topology }: MachineInfo): void {
  for (const node of topology) {
    const node_id = String(node.node_id);
    gauge('node_memory_capacity_bytes', 'Memory of the NUMA node.', node.memory, { node_id });
    for (const { page_size, num_pages } of node.hugepages) {
      const labels = { node_id, page_size: String(page_size) };
      gauge('node_hugepages_count', 'Huge pages reserved on the NUMA node.', num_pages, labels);
    }
    writeCaches(gauge, node, { node_id, core_id: '' });
    for (const core of node.cores) writeCore(gauge, core, { node_id, core_id: String(core.core_id) });
  }
}

function writeCore(gauge: Gauge, core: Core, labels: PlainLabels): void {
  writeCaches(gauge, core, labels);
  for (const thread of core.thread_ids) {
    const threads = core.thread_ids.length;
    gauge('thread_siblings_count', 'Threads of the core.', threads, { ...labels, thread_id: String(thread) });
  }
}

function writeCaches(gauge: Gauge, { caches }: Core | Node, labels: PlainLabels): void {
  const sizes = new Map<string, { type: string; level: string; size: number }>();
  for (const { type, level, size } of caches) sizes.set(`${type} ${level}`, { type, level: String(level), size });
  for (const { type, level, size } of sizes.values()) {
    gauge('cpu_cache_capacity_bytes', 'Size of the cache.', size, { ...labels, type, level });
  }
}

import type { AgentView } from '../agent-view.js';
import type { Cache, Core, MachineInfo } from '../machine.js';
import type { MetricType } from './catalogue.js';

/** Labels of a series that is about no container. */
export type PlainLabels = Readonly<Record<string, string>>;

/** Takes a series that is about no container. */
export type PutSeries = (name: string, type: MetricType, help: string, value: number, labels?: PlainLabels) => void;

export interface MachineMetricsOptions {
  /** Whether series have `boot_id`, `machine_id` and `system_uuid`. */
  readonly machineLabels: boolean;
  /** Whether there are series of caches, threads and NUMA nodes. */
  readonly cpuTopology: boolean;
}

/** The host and the versions of what runs on it. All of it comes from memory: no daemon is asked. */
export function machineMetrics(put: PutSeries, agent: AgentView, options: MachineMetricsOptions): void {
  const machine = agent.host.machine();
  writeVersions(put, agent);
  put('container_scrape_error', 'gauge', 'The containers could not be gathered (1) or could (0).', 0);
  const { machine_id, system_uuid, boot_id } = machine;
  const labels = options.machineLabels ? { boot_id, machine_id, system_uuid } : {};
  const gauge = (name: string, help: string, value: number, more: PlainLabels = {}) =>
    put(`machine_${name}`, 'gauge', help, value, { ...labels, ...more });
  gauge('cpu_cores', 'Logical CPUs.', machine.num_cores);
  gauge('cpu_physical_cores', 'Cores.', machine.num_physical_cores);
  gauge('cpu_sockets', 'Processor packages.', machine.num_sockets);
  gauge('cpu_books', 'Groups of sockets (IBM Z), 0 elsewhere.', machine.num_books);
  gauge('cpu_drawers', 'Groups of books (IBM Z), 0 elsewhere.', machine.num_drawers);
  gauge('memory_bytes', 'Memory of the machine.', machine.memory_capacity);
  gauge('swap_bytes', 'Swap space of the machine.', machine.swap_capacity);
  writeModules(gauge, machine);
  put('machine_scrape_error', 'gauge', 'The machine could not be read (1) or could (0).', Number(!isRead(machine)));
  if (options.cpuTopology) writeTopology(gauge, machine);
}

function isRead({ num_cores, memory_capacity }: MachineInfo): boolean {
  return num_cores > 0 && memory_capacity > 0;
}

type Gauge = (name: string, help: string, value: number, labels: PlainLabels) => void;

function writeVersions(put: PutSeries, agent: AgentView): void {
  const { kernelVersion, osVersion } = agent.host.versions();
  const labels = {
    cadvisorRevision: '',
    cadvisorVersion: `v${agent.version}`,
    dockerVersion: agent.runtimes().find(({ name }) => name === 'docker')?.version ?? '',
    kernelVersion,
    osVersion,
  };
  put('cadvisor_version_info', 'gauge', 'Versions of the host’s software and of the agent; always 1.', 1, labels);
}

/** Memory modules, where a driver (EDAC) knows them, and non-volatile memory. */
function writeModules(gauge: Gauge, { memory_by_type, nvm }: MachineInfo): void {
  for (const [type, { capacity, dimm_count }] of Object.entries(memory_by_type)) {
    gauge('dimm_count', 'Memory modules.', dimm_count, { type });
    gauge('dimm_capacity_bytes', 'Memory on these modules.', capacity, { type });
  }
  const nvmHelp = 'Non-volatile memory in bytes, by what it is used for; 0 where none is known.';
  gauge('nvm_capacity', nvmHelp, nvm['app direct_mode_capacity'], { mode: 'app_direct_mode' });
  gauge('nvm_capacity', nvmHelp, nvm.memory_mode_capacity, { mode: 'memory_mode' });
  gauge('nvm_avg_power_budget_watts', 'Power budget of non-volatile memory.', nvm.avg_power_budget, {});
}

function writeTopology(gauge: Gauge, { topology }: MachineInfo): void {
  for (const node of topology) {
    const node_id = String(node.node_id);
    gauge('node_memory_capacity_bytes', 'Memory of the NUMA node.', node.memory, { node_id });
    for (const { page_size, num_pages } of node.hugepages) {
      const labels = { node_id, page_size: String(page_size) };
      gauge('node_hugepages_count', 'Huge pages reserved on the NUMA node.', num_pages, labels);
    }
    for (const [target, distance] of node.distances.entries()) {
      const labels = { node_id, target_node_id: String(topology[target]?.node_id ?? target) };
      gauge(
        'node_distance',
        'Distance between NUMA nodes as the firmware reports it; 10: the node itself.',
        distance,
        labels,
      );
    }
    writeCaches(gauge, node.caches, { node_id, core_id: '' });
    for (const core of node.cores) writeCore(gauge, core, { node_id, core_id: String(core.core_id) });
  }
}

function writeCore(gauge: Gauge, core: Core, labels: PlainLabels): void {
  writeCaches(gauge, [...core.caches, ...core.uncore_caches], labels);
  for (const thread of core.thread_ids) {
    const threads = core.thread_ids.length;
    gauge('thread_siblings_count', 'Threads of the core.', threads, { ...labels, thread_id: String(thread) });
  }
}

function writeCaches(gauge: Gauge, caches: readonly Cache[], labels: PlainLabels): void {
  const sizes = new Map<string, { type: string; level: string; size: number }>();
  for (const { type, level, size } of caches) sizes.set(`${type} ${level}`, { type, level: String(level), size });
  for (const { type, level, size } of sizes.values()) {
    gauge('cpu_cache_capacity_bytes', 'Size of the cache.', size, { ...labels, type, level });
  }
}

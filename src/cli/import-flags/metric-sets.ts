import type { Draft } from './draft.js';

/** cAdvisor's metric sets and the plugins that give their numbers; `undefined`: nothing does. */
const SETS: Readonly<Record<string, string | undefined>> = {
  cpu: 'cpu',
  percpu: 'percpu',
  sched: 'sched',
  cpuLoad: 'cpuLoad',
  memory: 'memory',
  memory_numa: 'memory_numa',
  diskIO: 'diskIO',
  disk: 'disk',
  network: 'network',
  tcp: 'tcp',
  udp: 'udp',
  advtcp: 'advtcp',
  process: 'process',
  hugetlb: 'hugetlb',
  cpuset: 'cpuset',
  pressure: 'pressure',
  oom_event: 'oom_event',
  app: 'app-prometheus',
  cpu_topology: undefined,
  accelerator: undefined,
  perf_event: undefined,
  referenced_memory: undefined,
  resctrl: undefined,
};
/** Sets that cAdvisor gives without more when they are on, and others only with a device or a file of their own. */
const NOWHERE = ['referenced_memory', 'resctrl'];
const NOWHERE_WHEN_NAMED = new Set([...NOWHERE, 'accelerator', 'perf_event']);

/**
 * Turns the plugins on and off that the sets stand for. A given list replaces cAdvisor's own; the sets that it does not
 * name are on (`disable_metrics`) or off (`enable_metrics`, which wins).
 */
export function applyMetricSets(draft: Draft, disabled: string | undefined, enabled: string | undefined): void {
  if (disabled === undefined && !enabled) return;
  const flag = enabled ? `--enable_metrics=${enabled}` : `--disable_metrics=${disabled ?? ''}`;
  const named = new Set(
    (enabled || disabled || '')
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  );
  const lack = (name: string) => draft.without.push({ flag, text: `nothing gives the numbers of ${name}` });
  for (const name of named) {
    if (!Object.hasOwn(SETS, name)) draft.without.push({ flag, text: `there is no metric set ${name}` });
    else if (enabled && NOWHERE_WHEN_NAMED.has(name)) lack(name);
  }
  if (!enabled) NOWHERE.filter((name) => !named.has(name)).forEach(lack);
  for (const [name, plugin] of Object.entries(SETS)) {
    const isOn = enabled ? named.has(name) : !named.has(name);
    // Load averages have a flag of their own besides.
    if (name === 'cpuLoad') {
      if (!isOn) draft.enable('cpuLoad', false);
    } else if (plugin !== undefined) draft.enable(plugin, isOn);
    if (name === 'app') draft.enable('app-regex', isOn);
    if (name === 'cpu_topology' && isOn) draft.option('prometheus', 'cpuTopology', true);
  }
}

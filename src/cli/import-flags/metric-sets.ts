import { builtinPlugins } from '../../plugins/builtins.js';
import type { Draft } from './draft.js';

/** cAdvisor's metric sets. */
const SETS =
  'cpu percpu sched cpuLoad memory memory_numa diskIO disk network tcp udp advtcp process hugetlb cpuset pressure oom_event ' +
  'app cpu_topology accelerator perf_event referenced_memory resctrl';
const NAMES: ReadonlySet<string> = new Set(SETS.split(' '));
/** Sets whose numbers cAdvisor has only with a device or a file of their own. */
const NEED_MORE: ReadonlySet<string> = new Set(['accelerator', 'perf_event']);

/** The plugin that gives the numbers of a set; `undefined`: none does. */
function pluginOf(name: string): string | undefined {
  if (name === 'app') return 'app-prometheus';
  return Object.hasOwn(builtinPlugins, name) ? name : undefined;
}

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
  for (const name of named) if (!NAMES.has(name)) draft.without.push({ flag, text: `there is no metric set ${name}` });
  for (const name of NAMES) {
    const isOn = enabled ? named.has(name) : !named.has(name);
    const plugin = pluginOf(name);
    // Load averages have a flag of their own besides.
    if (name === 'cpuLoad') {
      if (!isOn) draft.enable('cpuLoad', false);
    } else if (name === 'cpu_topology') {
      if (isOn) draft.option('prometheus', 'cpuTopology', true);
    } else if (plugin !== undefined) draft.enable(plugin, isOn);
    else if (isOn && (enabled || !NEED_MORE.has(name))) {
      draft.without.push({ flag, text: `nothing gives the numbers of ${name}` });
    }
    if (name === 'app') draft.enable('app-regex', isOn);
  }
}

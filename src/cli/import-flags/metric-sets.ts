import { builtinPlugins } from '../../plugins/builtins.js';
import type { Draft } from './draft.js';
import { listOf } from './words.js';

/** cAdvisor's metric sets. */
const SETS =
  'cpu percpu sched cpuLoad memory memory_numa diskIO disk network tcp udp advtcp process hugetlb cpuset pressure oom_event ' +
  'app cpu_topology accelerator perf_event referenced_memory resctrl';
const NAMES: ReadonlySet<string> = new Set(SETS.split(' '));
/** Sets that cAdvisor only provides with additional devices or files. */
const NEED_MORE: ReadonlySet<string> = new Set(['accelerator', 'perf_event']);

/** The plugin that provides the metrics of a set; `undefined`: none. */
function pluginOf(name: string): string | undefined {
  if (name === 'app') return 'app-prometheus';
  return Object.hasOwn(builtinPlugins, name) ? name : undefined;
}

/**
 * Enables and disables the plugins of metric sets. A given list replaces cAdvisor's default; the sets that it does not
 * name are enabled (`disable_metrics`) or disabled (`enable_metrics`, which takes precedence).
 */
export function applyMetricSets(draft: Draft, disabled: string | undefined, enabled: string | undefined): void {
  if (disabled === undefined && !enabled) return;
  const flag = enabled ? `--enable_metrics=${enabled}` : `--disable_metrics=${disabled ?? ''}`;
  const named = new Set(listOf(enabled || disabled));
  for (const name of named) if (!NAMES.has(name)) draft.without.push({ flag, text: `there is no metric set ${name}` });
  for (const name of NAMES) {
    const isOn = enabled ? named.has(name) : !named.has(name);
    const plugin = pluginOf(name);
    // Load averages also have their own flag.
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

import type { LinuxHost, MetricSource, Plugin, ProbeTarget } from '../../src/kernel/contracts/index.js';
import { builtinPlugins } from '../../src/plugins/builtins.js';
import { CLOCK, sampleOf } from './probes.js';

/** Sources that read what `numbersOf` knows the place of. */
const CGROUP_SOURCES = ['cpu', 'percpu', 'memory', 'diskIO', 'oom_event', 'hugetlb', 'cpuset', 'process'];

/** A built-in source with its default options. */
export async function builtinSource(name: string, linux: LinuxHost): Promise<MetricSource> {
  const plugin = (await builtinPlugins[name]!()) as Plugin<'metric-source'>;
  const context = { clock: CLOCK, linux };
  const source = plugin.create(context as never, plugin.configSchema.parse({}));
  await source.start?.();
  return source;
}

/** One sample of all sources that read cgroup files; device names are cut out of the column names. */
export async function cgroupSample(target: ProbeTarget, linux: LinuxHost): Promise<Record<string, number | bigint>> {
  const samples = await Promise.all(
    CGROUP_SOURCES.map(async (name) => {
      const probe = (await builtinSource(name, linux)).attach(target);
      if ('absent' in probe) return {};
      const sample = sampleOf(probe) ?? {};
      probe.close();
      return sample;
    }),
  );
  const entries = Object.entries(Object.assign({}, ...samples) as Record<string, number | bigint>);
  return Object.fromEntries(entries.map(([name, value]) => [name.replace(/(\{\d+,\d+),[^,]*,/, '$1,'), value]));
}

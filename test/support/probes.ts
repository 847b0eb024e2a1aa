import type { MetricSource, Plugin, PluginContext, z } from '../../src/kernel/contracts/index.js';

export { FakeClock as TestClock, systemClock as CLOCK } from '../../src/testing/clock.js';
export { absent, attached, nameOf, sampleOf } from '../../src/testing/probe.js';
export { RAW, SimulatedHost as FileTree } from '../../src/testing/simulated-host.js';

/** An instance of a metric source, given what it uses of its context. */
export function sourceOf<S extends z.ZodType>(
  plugin: Plugin<'metric-source', S>,
  context: Partial<PluginContext> = {},
  options: z.output<S> = {} as z.output<S>,
): MetricSource {
  return plugin.create(context as PluginContext, options);
}

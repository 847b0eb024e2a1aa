import type { AgentView, Column, FieldDescriptor, Plugin, PluginContext } from '../../../src/kernel/contracts/index.js';
import { builtinPlugins } from '../../../src/plugins/builtins.js';
import { scrapable } from '../../support/exposition.js';
import { type FakeAgentOptions, type FakeContainer, fakeAgent } from './fake-agent.js';

/** An agent to scrape that shows these containers, with the fields of the real sources. */
export async function metricsWorld(
  containers: readonly FakeContainer[],
  options: FakeAgentOptions = {},
): Promise<AgentView> {
  const fields = await fieldsByName();
  const agent = fakeAgent({ ...options, containers: containers.map((container) => withRealFields(container, fields)) });
  const host = { ...agent.host, procText: () => undefined };
  return scrapable({ ...agent, host });
}

function withRealFields(container: FakeContainer, fields: ReadonlyMap<string, FieldDescriptor>): FakeContainer {
  const real = (column: Column): Column => ({ ...column, field: fields.get(column.field.name) ?? column.field });
  const samples = (container.samples ?? []).map(({ time, cells }) => ({
    time,
    cells: cells
      .filter(([column]) => fields.has(column.field.name))
      .map(([column, value]) => [real(column), value] as const),
  }));
  return { ...container, samples };
}

async function fieldsByName(): Promise<ReadonlyMap<string, FieldDescriptor>> {
  const context = { clock: { now: () => 0, monotonic: () => 0 } } as PluginContext;
  const plugins = await Promise.all(Object.values(builtinPlugins).map((load) => load()));
  const sources = plugins.filter((plugin): plugin is Plugin<'metric-source'> => plugin.kind === 'metric-source');
  const fields = sources.flatMap((source) => source.create(context, source.configSchema.parse({})).fields);
  return new Map(fields.map((field) => [field.name, field]));
}

import type { AgentView, Column, FieldDescriptor } from '../../src/kernel/contracts/index.js';
import { type FakeContainer, fakeAgent } from '../conformance/world/fake-agent.js';
import { metricsEndpoint, type Series, scrapable } from './exposition.js';

/** Time of every sample. */
export const TIME = 1_795_518_450_605_123;

/** A field that measures nothing. */
export const field = (name: string, more: Partial<FieldDescriptor> = {}): FieldDescriptor => ({
  name,
  unit: 'count',
  kind: 'gauge',
  help: `what ${name} is`,
  source: { any: 'a test' },
  ...more,
});
export const usage: Column = { field: field('memory.usage', { unit: 'bytes' }) };
export const sampled = (cells: readonly (readonly [Column, number | bigint])[]) => [{ time: TIME, cells }];

/** A scrapable agent with these containers. */
export function agentOf(containers: readonly FakeContainer[], more: Partial<AgentView> = {}): AgentView {
  const agent = fakeAgent({ containers });
  return scrapable({ ...agent, host: { ...agent.host, procText: () => undefined }, ...more });
}

/** A container with labels and one number. */
export const labelled = (
  name: string,
  labels: Record<string, string>,
  envs: Record<string, string> = {},
): FakeContainer => ({
  name,
  description: { labels, envs },
  samples: sampled([[usage, 1]]),
});

export const named = (series: readonly Series[], name: string) => series.filter((one) => one.name === name);
/** The series of that number. */
export const usageOf = async (containers: readonly FakeContainer[], options: Record<string, unknown> = {}) =>
  named((await metricsEndpoint(agentOf(containers), options).exposed()).series, 'container_memory_usage_bytes');

// What a sink's receiver has, compared with what the API says of the same container at the same instant.
import assert from 'node:assert/strict';
import type { AgentProcess } from './agent-process.js';

/** A number of one container as a receiver has it. */
export interface StoredNumber {
  readonly metric: string;
  /** µs since the epoch; ms where the receiver keeps no more. */
  readonly timeUs: number;
  readonly value: number;
}

/** Where the API has a metric: members of a sample of v2.1, and what the number is divided by. */
const PLACES: Readonly<Record<string, readonly [path: string, divisor?: number]>> = {
  container_cpu_user_seconds_total: ['cpu.usage.user', 1e9],
  container_cpu_system_seconds_total: ['cpu.usage.system', 1e9],
  container_memory_usage_bytes: ['memory.usage'],
  container_memory_max_usage_bytes: ['memory.max_usage'],
  container_memory_working_set_bytes: ['memory.working_set'],
  container_memory_cache: ['memory.cache'],
  container_memory_rss: ['memory.rss'],
  container_memory_mapped_file: ['memory.mapped_file'],
  container_memory_failcnt: ['memory.failcnt'],
  // Measurements of cAdvisor's driver for InfluxDB.
  cpu_usage_total: ['cpu.usage.total'],
  cpu_usage_system: ['cpu.usage.system'],
  cpu_usage_user: ['cpu.usage.user'],
  memory_usage: ['memory.usage'],
  memory_working_set: ['memory.working_set'],
  memory_cache: ['memory.cache'],
  memory_rss: ['memory.rss'],
};

/** Metrics whose numbers are compared. */
export const COMPARED = Object.keys(PLACES).filter((name) => name.startsWith('container_'));
export const COMPARED_OF_DRIVER = Object.keys(PLACES).filter((name) => !name.startsWith('container_'));

type Sample = { readonly timestamp: string } & Readonly<Record<string, unknown>>;

/**
 * Compares everything that was stored with the API, and expects each of the metrics at three instants or more.
 * @param resolutionUs of the times that the receiver keeps
 */
export async function assertAsInApi(
  agent: AgentProcess,
  container: string,
  stored: readonly StoredNumber[],
  { metrics = COMPARED, resolutionUs = 1 } = {},
): Promise<void> {
  const answer = await agent.json<Record<string, { stats: Sample[] }>>(
    `/api/v2.1/stats${container}?type=name&count=1000`,
  );
  const samples = new Map(
    Object.values(answer)[0]!.stats.map((sample) => [Math.floor(microsOf(sample.timestamp) / resolutionUs), sample]),
  );
  const instants = new Map<string, Set<number>>();
  for (const { metric, timeUs, value } of stored) {
    const [path, divisor = 1] = PLACES[metric]!;
    const sample = samples.get(Math.floor(timeUs / resolutionUs));
    assert.ok(sample, `${metric} at ${timeUs}: the API has no such sample`);
    const expected = path.split('.').reduce((part: unknown, key) => (part as Record<string, unknown>)[key], sample);
    assert.equal(value, Number(expected) / divisor, `${metric} at ${timeUs}`);
    instants.set(metric, (instants.get(metric) ?? new Set()).add(timeUs));
  }
  for (const metric of metrics) assert.ok((instants.get(metric)?.size ?? 0) >= 3, `${metric}: less than 3 instants`);
}

/** µs of an RFC 3339 time with up to nine decimals. */
export function microsOf(time: string): number {
  const [, seconds, fraction = ''] = /^(.*?)(?:\.(\d+))?Z$/.exec(time)!;
  return Date.parse(`${seconds}Z`) * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6));
}

/** The compared numbers of a line of JSON as the sinks write it. */
export function numbersOfDocument(line: string): StoredNumber[] {
  const document = JSON.parse(line) as { time: string; '@timestamp': string; metrics: Record<string, number> };
  const { metrics, '@timestamp': timestamp, time = timestamp } = document;
  return Object.entries(metrics)
    .filter(([metric]) => metric in PLACES)
    .map(([metric, value]) => ({ metric, value, timeUs: microsOf(time) }));
}

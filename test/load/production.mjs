// Producing metrics text in one process: the endpoint's own code, beside prom-client holding the same series.
import { Counter, Gauge, Registry } from 'prom-client';
import { ByteWriter } from '../../dist/kernel/contracts/bytes/index.js';
import prometheus from '../../dist/plugins/endpoints/prometheus/index.js';

const MEMORY = ['usage', 'max_usage', 'working_set', 'cache', 'rss', 'mapped_file', 'swap', 'failcnt'].concat(
  ['container.pgfault', 'container.pgmajfault', 'hierarchical.pgfault', 'hierarchical.pgmajfault'],
  ['total_active_file', 'total_inactive_file', 'file_dirty', 'file_writeback'],
  ['workingset_refault_file', 'workingset_refault_anon'],
);
const MICROS = 1_795_518_450_605_123;

const column = (name, unit, dimensions, labels) => ({
  field: { name, unit, kind: 'gauge', help: name, source: { any: 'the bench' }, ...(dimensions && { dimensions }) },
  ...(labels && { labels }),
});
const cpu = (name, ...more) => column(`cpu.usage.${name}`, 'nanoseconds', ...more);

/** The columns that a raw cgroup has by default on a host with two CPUs. */
const columns = [
  ...MEMORY.map((name) => column(`memory.${name}`, 'bytes')),
  cpu('user'),
  cpu('system'),
  cpu('per_cpu', ['cpu'], ['0']),
  cpu('per_cpu', ['cpu'], ['1']),
];
const layout = {
  columns,
  indexOf: (name) => columns.findIndex(({ field }) => field.name === name),
  indexesOf: (name) => columns.flatMap(({ field }, i) => (field.name === name ? [i] : [])),
};

/** A container with one sample. */
export function containerOf(index) {
  const values = Float64Array.from(columns, (_, i) => Math.floor(Math.random() * (i < MEMORY.length ? 1e9 : 1e13)));
  const memory = { limit: 2n ** 63n, swapLimit: 2n ** 63n, reservation: 2n ** 63n };
  const limits = { hasCpu: true, cpu: { limit: 1024n, period: 100000n }, hasMemory: true, memory };
  const sample = { layout, time: MICROS + index, values, residuals: undefined, base: 0 };
  return {
    name: `/tallyman-bench/c${String(index).padStart(4, '0')}`,
    description: { aliases: [], labels: {}, envs: {}, networkMode: 'none', state: { status: 'running' } },
    createdAt: MICROS,
    limits: () => limits,
    samples: () => ({ length: 1, at: (_, cursor) => Object.assign(cursor, sample) }),
  };
}

/** The endpoint over so many containers. @returns writes one answer and gives its bytes */
export function ownProduction(count, signal) {
  const containers = Array.from({ length: count }, (_, index) => containerOf(index));
  const ids = { machine_id: '', system_uuid: '', boot_id: '' };
  const machine = {
    ...ids,
    num_cores: 2,
    topology: [],
    memory_by_type: {},
    nvm: {},
    memory_capacity: 0,
    swap_capacity: 0,
  };
  const context = {
    agent: {
      version: '',
      host: {
        machine: () => machine,
        versions: () => ({ kernelVersion: '', osVersion: '' }),
        procText: () => undefined,
      },
      events: { subscribe: () => () => {} },
      containers: () => containers,
      departed: () => [],
      engineUsage: () => [],
      runtimes: () => [],
    },
    clock: { now: () => Date.now() * 1000, monotonic: () => performance.now() },
    timers: { after: () => {} },
    logger: { info: () => {}, warn: () => {} },
    signal,
  };
  const endpoint = prometheus.create(context, prometheus.configSchema.parse({ selfMetrics: false }));
  const request = { query: new URLSearchParams(), header: () => undefined, signal };
  const out = new ByteWriter();
  return async () => {
    out.length = 0;
    const answer = await endpoint.routes['/metrics'](request);
    for (const _ of answer.body(out) ?? []);
    return out.buffer.subarray(0, out.length);
  };
}

/** The series of a text as prom-client holds them. Its text has no times; all else is the same. */
export function promClientProduction(text) {
  const register = new Registry();
  const families = new Map();
  for (const line of text.split('\n')) {
    const type = /^# TYPE (\S+) (counter|gauge)$/.exec(line);
    if (type !== null) families.set(type[1], { type: type[2], series: [] });
    const sample = /^([a-z_0-9]+)\{(.*)\} (\S+)/.exec(line);
    if (sample === null || !families.has(sample[1])) continue;
    const labels = Object.fromEntries([...sample[2].matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, k, v]) => [k, v]));
    families.get(sample[1]).series.push([labels, Number(sample[3])]);
  }
  const filled = [...families].filter(([, { series }]) => series.length > 0);
  const metrics = filled.map(([name, { type, series }]) => {
    const labelNames = Object.keys(series[0][0]);
    const metric = new (type === 'counter' ? Counter : Gauge)({ name, help: name, labelNames, registers: [register] });
    return { metric, type, series };
  });
  return async () => {
    for (const { metric, type, series } of metrics) {
      metric.reset();
      for (const [labels, value] of series) {
        if (type === 'counter') metric.inc(labels, value);
        else metric.set(labels, value);
      }
    }
    return register.metrics();
  };
}

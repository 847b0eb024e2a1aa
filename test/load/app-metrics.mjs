// What collecting application metrics costs: `npm run -s build && node test/load/app-metrics.mjs`
//
//   [--targets 200] [--series 100] [--interval 10] [--seconds 60]
//
// The kernel's part and the Prometheus collector run in a process of their own, without the rest of the agent; every
// target is a loopback address of its own, served from here.
import { fork } from 'node:child_process';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cpuPerSecond, pause, residentMemory } from './measure.mjs';

const SETTLE_SECONDS = 5;
const { values } = parseArgs({
  options: {
    targets: { type: 'string', default: '200' },
    series: { type: 'string', default: '100' },
    interval: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '60' },
  },
});
const [targets, series, interval, seconds] = ['targets', 'series', 'interval', 'seconds'].map((name) =>
  Number(values[name]),
);

if (process.send === undefined) await measure();
else await collect();

async function measure() {
  const page = Array.from({ length: series }, (_, i) => {
    const name = `metric_${Math.floor(i / 5)}_total`;
    return `${i % 5 === 0 ? `# HELP ${name} Something.\n# TYPE ${name} counter\n` : ''}${name}{code="${i % 5}",method="get"} ${i * 1.5}\n`;
  }).join('');
  const server = createServer((_request, response) => response.end(page));
  await new Promise((resolve) => server.listen(0, '0.0.0.0', resolve));
  const child = fork(fileURLToPath(import.meta.url), [...process.argv.slice(2)], {
    env: { ...process.env, PORT: String(server.address().port) },
  });
  const said = (what) => new Promise((resolve) => child.once('message', resolve).send(what));
  try {
    await pause((SETTLE_SECONDS + interval) * 1000);
    const before = await said('statuses');
    const cpu = await cpuPerSecond(child.pid, seconds);
    const after = await said('statuses');
    const collections = after.map((status, i) => status.collections - before[i].collections);
    const sum = (list) => list.reduce((total, value) => total + value, 0);
    console.table({
      'CPU, percent of a core': (cpu / 10).toFixed(2),
      'resident memory, MiB': residentMemory(child.pid).toFixed(0),
      collections: sum(collections),
      'collections expected': (targets * seconds) / interval,
      'per target, least and most': `${Math.min(...collections)} ${Math.max(...collections)}`,
      failures: sum(after.map(({ failures }) => failures)),
      missed: sum(after.map(({ missed }) => missed)),
      'longest of the last collections, ms': Math.max(...after.map(({ duration }) => duration)).toFixed(1),
    });
  } finally {
    child.kill();
    server.close();
    server.closeAllConnections();
  }
}

async function collect() {
  const [{ AppMetricsKeeper, appMetricsOf }, { Container, ContainerStore }, supervision, { default: plugin }] =
    await Promise.all(
      [
        'kernel/app-metrics/index',
        'kernel/containers/index',
        'kernel/supervision/index',
        'plugins/app-metrics/prometheus/index',
      ].map((module) => import(`../../dist/${module}.js`)),
    );
  const clock = { now: () => Date.now() * 1000, monotonic: () => performance.now() };
  const say = (message) => console.error(message);
  const logger = { debug() {}, info() {}, warn: say, error: say };
  const supervisor = new supervision.Supervisor(clock, logger);
  const store = new ContainerStore(logger);
  const { agentConfigSchema } = await import('../../dist/kernel/config/schema.js');
  const options = { ...agentConfigSchema.parse({}).appMetrics, historyDurationMs: 120_000 };
  const keeper = new AppMetricsKeeper(
    { ...options, proc: '/proc', version: 'bench' },
    clock,
    logger,
    supervisor,
    store,
  );
  store.observe(keeper);
  const record = new supervision.PluginRecord('app-prometheus', 'app-prometheus', 'app-prometheus', 'fail');
  record.state = 'running';
  supervisor.add(record);
  keeper.pluginAdded({ record, kind: 'app-metrics', instance: plugin.create({}, plugin.configSchema.parse({})) });
  const labels = { 'tallyman.metrics.port': process.env.PORT, 'tallyman.metrics.interval': `${interval}s` };
  const names = Array.from({ length: targets }, (_, i) => `/c${i}`);
  for (const [i, name] of names.entries()) {
    const addresses = [`127.1.${i >> 8}.${(i & 255) + 1}`];
    const description = { aliases: [], labels, envs: {}, networkMode: 'own', addresses, state: { status: 'running' } };
    store.add(new Container({ name, description, handlerId: '', cgroup: { pidsBelow: () => [] }, missing: [] }));
  }
  keeper.start();
  process.on('message', () => process.send(names.map((name) => appMetricsOf(store.get(name)).targets[0])));
}

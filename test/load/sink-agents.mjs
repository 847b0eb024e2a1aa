// `node test/load/sink-agents.mjs [--containers 1000] [--seconds 120] [--only file,kafka]`: what each sink costs a real agent. An agent for each sink and one
// without any watch the same real cgroups at the same time, every 10 s; printed is the CPU time of their processes, also as the difference
// to the agent without a sink. Receivers are VictoriaMetrics, Redis, and servers of the bench that answer as the real ones do.
// `--kafka HOST:PORT` adds a broker. Needs root, and Debian's victoria-metrics and redis-server. Leaves nothing behind, also when it is interrupted.
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { killAll, launchAgent, stopAll, track, untilAnswered } from './agents.mjs';
import { createCgroups, removeCgroups } from './cgroups.mjs';
import { startKafkaServer } from './kafka-server.mjs';
import { cpuTime, freePort, pause, residentMemory } from './measure.mjs';

const { values } = parseArgs({
  options: {
    containers: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '120' },
    interval: { type: 'string', default: '10' },
    profile: { type: 'string', default: '' },
    kafka: { type: 'string', default: '' },
    only: { type: 'string', default: '' },
  },
});
const [containerCount, seconds] = [values.containers, values.seconds].map(Number);
const interruption = new AbortController();
const { signal } = interruption;
const say = (text) => console.error(`sinks: ${text}`);

/** Answers bulk requests and OTLP as servers do that took everything. */
async function startHttp() {
  const server = createServer((request, response) => {
    request.resume().once('end', () => {
      const isBulk = request.url.includes('/_bulk');
      response.writeHead(200, { 'Content-Type': isBulk ? 'application/json' : 'application/x-protobuf' });
      response.end(isBulk ? '{"errors":false}' : '');
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

async function startStatsd() {
  const socket = createSocket('udp4');
  await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return { port: socket.address().port, close: () => socket.close() };
}

async function startRedis(folder) {
  const port = await freePort();
  track(spawn('redis-server', ['--port', String(port), '--dir', folder, '--save', ''], { stdio: 'ignore' }));
  for (let isUp = false; !isUp; await pause(50, signal)) {
    isUp = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false));
      socket.unref();
    });
  }
  return port;
}

async function startStore(folder) {
  const port = await freePort();
  const flags = [`-httpListenAddr=127.0.0.1:${port}`, `-storageDataPath=${folder}/store`];
  track(spawn('victoria-metrics', flags, { stdio: 'ignore' }));
  const url = `http://127.0.0.1:${port}`;
  await untilAnswered(`${url}/health`, () => true, signal);
  return url;
}

const configuration = (parent, sink) => `
web: { listen: [127.0.0.1:0] }
housekeeping: { interval: ${values.interval}s, maxInterval: ${values.interval}s }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: raw, with: { include: [${parent}, ${parent}/*] } }
${sink === undefined ? '' : `  - { use: ${sink[0]}, with: { host: bench, interval: ${values.interval}s, ${sink[1]} } }`}
`;

async function run(folder) {
  const { name: parent } = createCgroups(containerCount);
  const [kafka, http, statsd, redis, store] = [
    values.kafka === '' ? await startKafkaServer() : { address: values.kafka, close: () => {} },
    await startHttp(),
    await startStatsd(),
    await startRedis(folder),
    await startStore(folder),
  ];
  const sinks = {
    none: undefined,
    'remote-write': ['remote-write', `url: "${store}/api/v1/write"`],
    'remote-write-disk': ['remote-write', `url: "${store}/api/v1/write", queue: { directory: "${folder}/queue" }`],
    influxdb: ['influxdb', `url: "${store}", bucket: any`],
    elasticsearch: ['elasticsearch', `url: "${http.url}"`],
    otlp: ['otlp', `endpoint: "${http.url}"`],
    redis: ['redis', `url: "redis://127.0.0.1:${redis}", key: samples, maxLength: 10000`],
    statsd: ['statsd', `address: "127.0.0.1:${statsd.port}"`],
    file: ['file', `path: "${folder}/samples.ndjson"`],
    kafka: ['kafka', `brokers: ["${kafka.address}"], topic: bench`],
    'kafka-protobuf': ['kafka', `brokers: ["${kafka.address}"], topic: bench, format: protobuf`],
  };
  const agents = [];
  const only = values.only.split(',');
  for (const [name, sink] of Object.entries(sinks)) {
    if (values.only !== '' && name !== 'none' && !only.includes(name)) continue;
    const own = join(folder, `agent-${agents.length}`);
    mkdirSync(own);
    const profile = [
      '--cpu-prof',
      '--cpu-prof-interval',
      '200',
      '--cpu-prof-dir',
      join(values.profile, name.replace(/\W+/g, '-')),
    ];
    const agent = await launchAgent(own, configuration(parent, sink), values.profile === '' ? [] : profile);
    await untilAnswered(`${agent.url}/-/ready`, () => true, signal);
    agents.push({ ...agent, name });
  }
  say(`${agents.length} agents are ready; ${seconds} s from 30 s on`);
  await pause(30_000, signal);
  const start = performance.now();
  const before = agents.map(({ pid }) => cpuTime(pid));
  await pause(seconds * 1000, signal);
  const elapsed = (performance.now() - start) / 1000;
  const rows = agents.map(({ pid, name }, i) => ({
    name,
    cpu: (cpuTime(pid) - before[i]) / elapsed,
    rss: residentMemory(pid),
  }));
  for (const [i, { name, cpu, rss }] of rows.entries()) {
    const { sink } = (await (await fetch(`${agents[i].url}/api/plugins`)).json()).find(({ sink }) => sink) ?? {};
    const sent = sink === undefined ? '' : `, ${sink.sent.points} data points sent, ${sink.retries} retries`;
    const more = cpu - rows[0].cpu;
    console.log(`${name}: ${cpu.toFixed(1)} ms/s, ${more.toFixed(1)} more than without, ${rss.toFixed(0)} MiB${sent}`);
  }
  for (const server of [kafka, http, statsd]) server.close();
}

const folder = mkdtempSync(join(tmpdir(), 'tallyman-sinks-'));
for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => interruption.abort(new Error(name)));
try {
  await run(folder);
  await stopAll();
} finally {
  killAll();
  await removeCgroups();
  rmSync(folder, { recursive: true, force: true });
}

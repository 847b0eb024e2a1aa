// How the agent bears hostile containers:
// `npm run -s build && node test/load/hostile.mjs [--seconds 60] [--main dist/cli/main.js] [--only targets,slow]`
//
// Needs root, Docker and busybox-static. Beside a healthy container run some that attack: 300 targets of 4 MiB, answers of 4 MiB that
// are one line or nothing but families, metric names that change with each collection, regular expressions that take minutes,
// 3,000 labels and a label of 60 KB. /healthz is asked all the time, /metrics every 5 s. `--main` measures another build, `--only`
// starts only some of the attackers.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cpuTime, pause, residentMemory } from './measure.mjs';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    main: { type: 'string', default: fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url)) },
    only: { type: 'string' },
  },
});
const seconds = Number(values.seconds);
const prefix = `tallyman-hostile-${process.pid}`;
const directory = mkdtempSync(join(tmpdir(), `${prefix}-`));
const docker = (...args) => execFileSync('docker', args, { encoding: 'utf8' }).trim();

/** In the host's network, where each container has a port of its own. */
const firstPort = 20_000 + (process.pid % 1_000) * 10;

const slow = (i) => ({ name: `slow${i}`, data_type: 'int', regex: `(?i)(\\pL{1,${440 + i}}b)` });
const files = {
  letters: 'a'.repeat(262_144),
  big: Array.from({ length: 3500 }, (_, i) => `big_${i}{v="${'v'.repeat(1150)}"} 1\n`).join(''),
  line: `line{${Array.from({ length: 370_000 }, (_, i) => `l${i}=""`).join(',')}} 1\n`,
  families: Array.from({ length: 150_000 }, (_, i) => `# TYPE family_${i} gauge\n`).join(''),
  well: 'well 1\n',
  late: 'late 1\n',
  'slow.json': JSON.stringify({
    endpoint: { port: firstPort + 3, path: '/letters' },
    polling_frequency: 1,
    metrics_config: [1, 2, 3].map(slow),
  }),
};
for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
// Runs for each request.
const script = `#!/bin/busybox sh
/bin/busybox printf 'Content-Type: text/plain\\r\\n\\r\\n'
exec /bin/busybox awk -v seed="$(/bin/busybox date +%s)" 'BEGIN { for (i = 0; i < 100; i++) print "made_up_" seed "_" i " 1" }'
`;
mkdirSync(join(directory, 'cgi-bin'));
writeFileSync(join(directory, 'cgi-bin/names'), script, { mode: 0o755 });

const labels = (pairs) => {
  const file = join(directory, `labels-${Math.random()}`);
  writeFileSync(
    file,
    Object.entries(pairs)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
  );
  return ['--label-file', file];
};
const targets = (count, path, port) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => [
      [`tallyman.metrics.t${i}.port`, String(firstPort + port)],
      [`tallyman.metrics.t${i}.path`, path],
      [`tallyman.metrics.t${i}.interval`, '1s'],
    ]).flat(),
  );
const containers = {
  well: targets(1, '/well', 0),
  targets: targets(300, '/big', 1),
  targets2: targets(300, '/big', 2),
  slow: Object.fromEntries([1, 2, 3].map((i) => [`io.cadvisor.metric.slow${i}`, '/www/slow.json'])),
  labels: Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`key.${i}`, 'x'])),
  // A line of a label file may have 64 KiB.
  long: { long: 'x'.repeat(60_000) },
  names: targets(1, '/cgi-bin/names', 6),
  // Started at half time.
  late: targets(1, '/late', 7),
  line: targets(20, '/line', 8),
  families: targets(20, '/families', 9),
};
const only = values.only?.split(',');
function startContainer(name) {
  const index = Object.keys(containers).indexOf(name);
  const serve = ['/bin/busybox', 'httpd', '-f', '-p', String(firstPort + index), '-h', '/www'];
  const flags = ['-d', '--network=host', '--name', `${prefix}-${name}`, '-v', `${directory}:/www:ro`];
  docker('run', ...flags, ...labels(containers[name]), prefix, ...serve);
}

/** Share of the measurements of the event loop's delay that are above a bound of the histogram, in seconds. */
function shareOfDelays(metrics, bound) {
  const count = (le) =>
    Number(new RegExp(`^tallyman_event_loop_delay_seconds_bucket\\{le="${le}"\\} (\\d+)`, 'm').exec(metrics)?.[1]);
  return `${((1 - count(bound) / count('\\+Inf')) * 100).toFixed(1)} %`;
}

const config = join(directory, 'tallyman.yaml');
writeFileSync(config, 'plugins:\n  - { use: app-prometheus, enabled: true }\n  - { use: app-regex, enabled: true }\n', {
  mode: 0o600,
});
const names = Object.keys(containers).map((name) => `${prefix}-${name}`);
let agent;
try {
  mkdirSync(join(directory, 'image/bin'), { recursive: true });
  copyFileSync('/usr/bin/busybox', join(directory, 'image/bin/busybox'));
  execFileSync('sh', ['-c', `tar -C ${directory}/image -c . | docker import - ${prefix}`]);
  for (const name of Object.keys(containers)) {
    if (name !== 'late' && (name === 'well' || only === undefined || only.includes(name))) startContainer(name);
  }
  agent = spawn(process.execPath, [values.main, '--config', config, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [agent.stdout, agent.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const ended = once(agent, 'exit').then(() => Promise.reject(new Error(`the agent ended: ${output}`)));
  while (!/serves (http\S+)/.test(output)) await Promise.race([pause(50), ended]);
  ended.catch(() => {});
  const [, url] = /serves (http\S+)/.exec(output);
  const times = [];
  const scrapes = [];
  let [peak, size, text] = [0, 0, ''];
  const end = performance.now() + seconds * 1000;
  // An agent that is held up may answer late, or drop the connection.
  const ask = async (path) => {
    const begun = performance.now();
    const answer = await fetch(`${url}${path}`)
      .then(async (response) => (response.status === 200 ? await response.text() : undefined))
      .catch(() => undefined);
    if (answer === undefined) failures[path] = (failures[path] ?? 0) + 1;
    return { answer, took: performance.now() - begun };
  };
  const failures = {};
  const asking = (async () => {
    while (performance.now() < end) {
      times.push((await ask('/healthz')).took);
      peak = Math.max(peak, residentMemory(agent.pid));
      await pause(20);
    }
  })();
  let isLateStarted = false;
  while (performance.now() < end) {
    if (!isLateStarted && performance.now() > end - seconds * 500) {
      startContainer('late');
      isLateStarted = true;
    }
    const { answer, took } = await ask('/metrics');
    text = answer ?? text;
    scrapes.push(took);
    size = Math.max(size, text.length);
    await pause(5000);
  }
  await asking;
  const at = (list, share) => list.sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * share))];
  console.table({
    '/healthz asked': times.length,
    '/healthz not answered': failures['/healthz'] ?? 0,
    '/metrics not answered': failures['/metrics'] ?? 0,
    '/healthz p50, ms': at(times, 0.5).toFixed(1),
    '/healthz p99, ms': at(times, 0.99).toFixed(1),
    '/healthz longest, ms': at(times, 1).toFixed(1),
    '/metrics longest, ms': at(scrapes, 1).toFixed(0),
    '/metrics largest, KiB': (size / 1024).toFixed(0),
    'resident memory at most, MiB': peak.toFixed(0),
    'CPU time of the agent, ms per s': (cpuTime(agent.pid) / seconds).toFixed(0),
    'its event loop late by over 20 ms': shareOfDelays(text, 0.02),
    'its event loop late by over 100 ms': shareOfDelays(text, 0.1),
    'made-up names in /metrics': new Set(text.match(/^made_up_\w+/gm)).size,
    'the healthy container has its metric': /^well\{.*\} 1( \d+)?$/m.test(text),
    'the one started late has its metric': /^late\{.*\} 1( \d+)?$/m.test(text),
  });
  console.log(
    output
      .split('\n')
      .filter((line) => /"level":"(warn|error)"| warn | error /.test(line))
      .map((line) => line.replace(/.*"msg":/, '').slice(0, 400))
      .join('\n'),
  );
} finally {
  agent?.kill();
  for (const name of names) spawnSync('docker', ['rm', '-f', name]);
  spawnSync('docker', ['rmi', prefix]);
  rmSync(directory, { recursive: true, force: true });
}

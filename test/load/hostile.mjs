// How the agent bears hostile containers: `npm run -s build && node test/load/hostile.mjs [--seconds 60]`
//
// Needs root, Docker and busybox-static. Containers with 300 targets of 4 MiB, expressions that take minutes, 3,000 labels and a label of
// 100 KB run beside one that is well; /healthz is asked all the time, /metrics every 5 s.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { pause, residentMemory } from './measure.mjs';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' } },
});
const seconds = Number(values.seconds);
const prefix = `tallyman-hostile-${process.pid}`;
const directory = mkdtempSync(join(tmpdir(), `${prefix}-`));
const docker = (...args) => execFileSync('docker', args, { encoding: 'utf8' }).trim();
const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** In the host's network, where each container has a port of its own. */
const firstPort = 20_000 + (process.pid % 1_000) * 10;

const slow = (i) => ({ name: `slow${i}`, data_type: 'int', regex: `(?i)(\\pL{1,${440 + i}}b)` });
const files = {
  letters: 'a'.repeat(262_144),
  big: Array.from({ length: 3500 }, (_, i) => `big_${i}{v="${'v'.repeat(1150)}"} 1\n`).join(''),
  well: 'well 1\n',
  'slow.json': JSON.stringify({
    endpoint: { port: firstPort + 3, path: '/letters' },
    polling_frequency: 1,
    metrics_config: [1, 2, 3].map(slow),
  }),
};
for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);

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
  flood: targets(300, '/big', 1),
  flood2: targets(300, '/big', 2),
  slow: Object.fromEntries([1, 2, 3].map((i) => [`io.cadvisor.metric.slow${i}`, '/www/slow.json'])),
  labels: Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`key.${i}`, 'x'])),
  // A line of a label file may have 64 KiB.
  long: { long: 'x'.repeat(60_000) },
};

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
  for (const [index, [name, pairs]] of Object.entries(containers).entries()) {
    const serve = ['/bin/busybox', 'httpd', '-f', '-p', String(firstPort + index), '-h', '/www'];
    docker(
      'run',
      '-d',
      '--network=host',
      '--name',
      `${prefix}-${name}`,
      '-v',
      `${directory}:/www:ro`,
      ...labels(pairs),
      prefix,
      ...serve,
    );
  }
  agent = spawn(process.execPath, [main, '--config', config, '--port', '0'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [agent.stdout, agent.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const ended = once(agent, 'exit').then(() => Promise.reject(new Error(`the agent ended: ${output}`)));
  while (!/serves (http\S+)/.test(output)) await Promise.race([once(agent.stdout, 'data'), ended]);
  ended.catch(() => {});
  const [, url] = /serves (http\S+)/.exec(output);
  const times = [];
  const scrapes = [];
  let [peak, size, text] = [0, 0, ''];
  const end = performance.now() + seconds * 1000;
  const asking = (async () => {
    while (performance.now() < end) {
      const begun = performance.now();
      await (await fetch(`${url}/healthz`)).text();
      times.push(performance.now() - begun);
      peak = Math.max(peak, residentMemory(agent.pid));
      await pause(20);
    }
  })();
  while (performance.now() < end) {
    const begun = performance.now();
    text = await (await fetch(`${url}/metrics`)).text();
    scrapes.push(performance.now() - begun);
    size = Math.max(size, text.length);
    await pause(5000);
  }
  await asking;
  const at = (list, share) => list.sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * share))];
  console.table({
    '/healthz answered': times.length,
    '/healthz p50, ms': at(times, 0.5).toFixed(1),
    '/healthz p99, ms': at(times, 0.99).toFixed(1),
    '/healthz longest, ms': at(times, 1).toFixed(1),
    '/metrics longest, ms': at(scrapes, 1).toFixed(0),
    '/metrics largest, KiB': (size / 1024).toFixed(0),
    'resident memory at most, MiB': peak.toFixed(0),
    'the well container has its metric': /^well\{.*\} 1( \d+)?$/m.test(text),
  });
  console.log(
    output
      .split('\n')
      .filter((line) => /"level":"(warn|error)"| warn | error /.test(line))
      .map((line) => line.slice(0, 300))
      .join('\n'),
  );
} finally {
  agent?.kill();
  for (const name of names) spawnSync('docker', ['rm', '-f', name]);
  spawnSync('docker', ['rmi', prefix]);
  rmSync(directory, { recursive: true, force: true });
}

// `npm run screenshots`: draws the pages of an agent that watches a small shop, for README and docs (docs/img). Needs root,
// cgroups and Chromium. The containers are real cgroups with real load; a stand-in for the engine names them.
//
//   npm run screenshots [-- --folder docs/img] [--seconds 40]
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from './packages.mjs';

const support = join(root, '.test-build', 'test', 'support');
const { AgentProcess } = await import(join(support, 'agent-process.js'));
const { Chromium } = await import(join(support, 'chromium.js'));
const { FakeEngine, fakeContainer, fakeEvent } = await import(join(support, 'fake-engine.js'));
const { RealCgroup } = await import(join(support, 'real-cgroup.js'));

const { values: options } = parseArgs({
  options: { folder: { type: 'string', default: join('docs', 'img') }, seconds: { type: 'string', default: '40' } },
});
const MIB = 2 ** 20;
const BUSY = (busyMs, restS) =>
  `while :; do e=$(($(date +%s%N) / 1000000 + ${busyMs})); while [ $(($(date +%s%N) / 1000000)) -lt $e ]; do i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); done; done; sleep ${restS}; done`;
const HOLD = (mebibytes, script) => `{ (head -c ${mebibytes * MIB} /dev/zero | tail | sleep 600) & ${script}; }`;

/** The shop. `quota` is in percent of a CPU. */
const CONTAINERS = [
  { name: 'web', image: 'shop/web:2.4', project: 'shop', memory: 160, script: HOLD(110, BUSY(40, 0.3)) },
  { name: 'api', image: 'shop/api:2.4', project: 'shop', memory: 96, quota: 15, script: HOLD(40, BUSY(900, 0.05)) },
  { name: 'db', image: 'postgres:17', project: 'shop', memory: 256, script: HOLD(120, BUSY(60, 0.6)) },
  { name: 'cache', image: 'redis:8', project: 'shop', memory: 48, script: HOLD(42, BUSY(10, 0.8)) },
  { name: 'prometheus', image: 'prom/prometheus:v3.5', project: 'monitoring', script: HOLD(60, BUSY(30, 2)) },
  { name: 'grafana', image: 'grafana/grafana:12.1', project: 'monitoring', memory: 200, script: HOLD(30, 'sleep 600') },
  { name: 'backup', image: 'restic/restic:0.18', script: 'sleep 600', memory: 64 },
  { name: 'import', image: 'shop/import:2.4', project: 'shop', memory: 32, script: 'sleep 600', exit: 137 },
].map((each, index) => ({
  ...each,
  id: String(index + 1)
    .repeat(8)
    .padEnd(64, `${index + 3}c7`),
}));

/** What an inspection of the engine says. */
function inspected({ id, name, image, project, exitCode }) {
  const Labels = { team: name === 'db' ? 'data' : 'web', ...(project && { 'com.docker.compose.project': project }) };
  const ended = exitCode !== undefined && {
    State: {
      Status: 'exited',
      Running: false,
      Pid: 0,
      ExitCode: exitCode,
      OOMKilled: false,
      StartedAt: new Date(Date.now() - 600_000).toISOString(),
      FinishedAt: new Date().toISOString(),
    },
  };
  return fakeContainer(id, name, { Config: { Image: image, Labels, Env: [] }, ...ended });
}

/** Ends what runs in a cgroup, too: it only knows the shell that it started. */
async function end(cgroup) {
  for (const pid of cgroup
    .read('cpu', 'cgroup.procs')
    .split('\n')
    .filter((each) => Number(each) > 1)) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {} // it has ended by itself
  }
  await cgroup.remove();
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Opens a page, lets it run until it shows courses, and keeps a picture. */
async function shoot(browser, url, file, { width = 1280, height = 800, dark = false, mobile = false, before } = {}) {
  const page = await browser.open(url, async (tab) => {
    await tab.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile });
    const features = [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }];
    await tab.send('Emulation.setEmulatedMedia', { features });
  });
  await page.until("document.getElementById('status')?.dataset.state === 'live'");
  await pause(3000);
  if (before !== undefined) await page.evaluate(before);
  await pause(500);
  const { data } = await page.send('Page.captureScreenshot', { format: 'png' });
  mkdirSync(resolve(root, options.folder), { recursive: true });
  writeFileSync(resolve(root, options.folder, file), Buffer.from(data, 'base64'));
  if (page.troubles.length > 0) console.error(`${file}: ${page.troubles.join('\n')}`);
  await page.send('Page.close');
}

const engine = new FakeEngine();
const cgroups = [];
let agent;
let browser;
try {
  engine.overrides.set('/images', { status: 200, body: '[]' });
  await engine.listen();
  for (const container of CONTAINERS) {
    engine.containers.set(container.id, inspected(container));
    const cgroup = new RealCgroup(`/docker/${container.id}`).create();
    cgroups.push(cgroup);
    if (container.memory !== undefined) cgroup.limitMemory(container.memory * MIB);
    if (container.quota !== undefined) {
      cgroup.write('cpu', 'cpu.cfs_period_us', '100000');
      cgroup.write('cpu', 'cpu.cfs_quota_us', String(container.quota * 1000));
    }
    await cgroup.run(container.script);
  }
  agent = await AgentProcess.start(
    `plugins:\n  - { use: docker, with: { endpoint: '${engine.endpoint}' } }\n  - { use: podman, enabled: false }\n  - { use: process }\n`,
  );
  browser = await Chromium.start();
  await pause(Number(options.seconds) * 1000);
  const ended = CONTAINERS.find(({ exit }) => exit !== undefined);
  engine.containers.set(ended.id, inspected({ ...ended, exitCode: ended.exit }));
  engine.send(fakeEvent(ended.id, 'die'));
  await end(cgroups.splice(CONTAINERS.indexOf(ended), 1)[0]);
  await pause(3000);
  const { url } = agent;
  await shoot(browser, `${url}/containers/`, 'overview.png', { height: 860 });
  await shoot(browser, `${url}/containers/?by=project`, 'overview-dark.png', { height: 860, dark: true });
  await shoot(browser, `${url}/containers/`, 'overview-phone.png', { width: 390, height: 780, mobile: true });
  await shoot(browser, `${url}/docker/api`, 'container.png', { height: 1080 });
} finally {
  await browser?.stop();
  await agent?.stop();
  await engine.dispose();
  for (const cgroup of cgroups) await end(cgroup);
}

// `npm run bench:pages`: what the overview costs a browser with many containers: time to first paint, time of the main
// thread per update, bytes per second.
//
//   npm run bench:pages -- [--cgroups 1000] [--seconds 20] [--idle]
//
// Needs root, cgroups and Chromium. Leaves nothing behind, also when it is interrupted.
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { killAll, message, startAgent, stopAll, track } from './agents.mjs';
import { createCgroups, removeCgroups } from './cgroups.mjs';
import { pause } from './measure.mjs';

const { values: options } = parseArgs({
  options: {
    cgroups: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '20' },
    idle: { type: 'boolean', default: false },
  },
});
const here = dirname(fileURLToPath(import.meta.url));
const { Chromium } = await import(join(here, '..', '..', '.test-build', 'test', 'support', 'chromium.js'));
const CONFIG = `web: { listen: [127.0.0.1:0] }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
`;
const LOADS = 7;
const SETTLE_MS = 8000;

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** ms from the navigation to the first paint of content, and to the end of the page with its table. */
async function firstPaint(browser, url) {
  const page = await browser.open(url);
  const paint = "performance.getEntriesByName('first-contentful-paint')[0]";
  await page.until(paint);
  const time = await page.evaluate(`${paint}.startTime`);
  const navigation = "performance.getEntriesByType('navigation')[0]";
  await page.until(`${navigation}.responseEnd > 0`);
  const answered = await page.evaluate(`${navigation}.responseEnd`);
  await page.send('Page.close');
  return { time, answered };
}

async function metrics(page) {
  const { metrics: all } = await page.send('Performance.getMetrics');
  return Object.fromEntries(all.map(({ name, value }) => [name, value]));
}

/** Main thread and traffic of an open overview. */
async function updates(browser, url) {
  let bytes = 0;
  let answers = 0;
  const page = await browser.open(url, async (tab) => {
    // CPU time of the thread, not time that passed: other work on the machine does not count.
    await tab.send('Performance.enable', { timeDomain: 'threadTicks' });
    tab.on('Network.dataReceived', ({ dataLength }) => {
      bytes += dataLength;
    });
    tab.on('Network.responseReceived', ({ response }) => {
      if (response.url.includes('/api/top?')) answers++;
    });
  });
  await page.until("document.getElementById('status')?.dataset.state === 'live'");
  await pause(SETTLE_MS);
  await page.evaluate(
    "globalThis.longest = 0; new PerformanceObserver((list) => { for (const { duration } of list.getEntries()) longest = Math.max(longest, duration); }).observe({ entryTypes: ['longtask'] })",
  );
  const before = await metrics(page);
  [bytes, answers] = [0, 0];
  const started = performance.now();
  await pause(Number(options.seconds) * 1000);
  const seconds = (performance.now() - started) / 1000;
  const after = await metrics(page);
  const perUpdate = (name) => ((after[name] - before[name]) * 1000) / answers;
  const rows = await page.evaluate("document.querySelectorAll('.overview tbody tr').length");
  const longest = await page.evaluate('longest');
  const result = {
    rows,
    updates: answers,
    taskMs: perUpdate('TaskDuration'),
    scriptMs: perUpdate('ScriptDuration'),
    layoutMs: perUpdate('LayoutDuration') + perUpdate('RecalcStyleDuration'),
    longest,
    kilobytesPerSecond: bytes / seconds / 1024,
    troubles: page.troubles,
  };
  await page.send('Page.close');
  return result;
}

let browser;
const folder = mkdtempSync(join(tmpdir(), 'tallyman-bench-'));
process.once('SIGINT', () => {
  killAll();
  process.exit(130);
});
try {
  const count = Number(options.cgroups);
  const { name, folders } = createCgroups(count);
  const herd = track(fork(join(here, 'herd.mjs')));
  herd.send({ folders });
  await message(herd);
  if (!options.idle) herd.send({ active: true });
  const { url } = await startAgent(folder, CONFIG, name, count);
  browser = await Chromium.start();
  const overview = `${url}/containers/?all=1`;
  await pause(SETTLE_MS);
  const loads = [];
  for (let i = 0; i < LOADS; i++) loads.push(await firstPaint(browser, overview));
  const {
    rows,
    updates: made,
    taskMs,
    scriptMs,
    layoutMs,
    longest,
    kilobytesPerSecond,
    troubles,
  } = await updates(browser, overview);
  const shown = (value) => value.toFixed(1);
  console.log(`${count} cgroups, ${options.idle ? 'idle' : 'active'}, ${rows} rows on the page`);
  console.log(
    `first paint         ${shown(median(loads.map(({ time }) => time)))} ms (median of ${LOADS}; whole page with its table received after ${shown(median(loads.map(({ answered }) => answered)))} ms)`,
  );
  console.log(
    `main thread/update  ${shown(taskMs)} ms (script ${shown(scriptMs)}, style and layout ${shown(layoutMs)}; ${made} updates, longest task ${longest === 0 ? 'below 50' : shown(longest)} ms)`,
  );
  console.log(`traffic             ${shown(kilobytesPerSecond)} KiB/s`);
  if (troubles.length > 0) console.log(troubles.join('\n'));
} finally {
  await browser?.stop();
  await stopAll();
  await removeCgroups();
  rmSync(folder, { recursive: true, force: true });
}

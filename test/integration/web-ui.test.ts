// The pages in a real browser, over a real agent and a real cgroup.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { AgentProcess } from '../support/agent-process.js';
import { Chromium, type Page } from '../support/chromium.js';
import { freePort } from '../support/free-port.js';
import { needs } from '../support/needs.js';
import { RealCgroup } from '../support/real-cgroup.js';

const skip = needs('browser', 'root', 'cgroups', 'chromium');
const group = new RealCgroup(`/tallyman-test-${process.pid}-pages`);
const inner = new RealCgroup(`${group.name}/<b>inner &amp; "late"`);
const MEMORY = 64 * 2 ** 20;

const configOf = (more = ''): string => `
web: { urlBasePrefix: /pre${more} }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: raw, with: { include: [/, '${group.name}', '${group.name}/**'] } }`;

interface Sample {
  readonly timestamp: string;
  readonly cpu: { readonly usage: { readonly total: number } };
  readonly cpu_inst?: { readonly usage: { readonly total: number } };
  readonly memory: { readonly working_set: number; readonly usage: number };
}

/** What the page shows, read at one instant. */
interface Shown {
  /** ms since the epoch */
  readonly time: number;
  readonly cpu: number;
  readonly cpuText: string;
  readonly workingSet: number;
  readonly usage: number;
}
const SHOWN = `(() => {
  const value = (chart, series) => document.querySelector('[data-chart="' + chart + '"] [data-series="' + series + '"]');
  return {
    time: Number(document.getElementById('charts').dataset.time),
    cpu: Number(value('cpu', 0).dataset.value),
    cpuText: value('cpu', 0).textContent,
    workingSet: Number(value('memory', 0).dataset.value),
    usage: Number(value('memory', 1).dataset.value),
  };
})()`;
const LIVE = "document.getElementById('status')?.dataset.state === 'live'";

describe('the pages in Chromium', { skip }, () => {
  let browser: Chromium;
  let agent: AgentProcess;
  let port: number;
  const start = (): Promise<AgentProcess> => AgentProcess.start(configOf(), ['--port', String(port)]);
  before(async () => {
    group.create();
    group.limitMemory(MEMORY);
    await group.run('while :; do i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; sleep 0.1; done');
    port = await freePort();
    [agent, browser] = await Promise.all([start(), Chromium.start()]);
  });
  after(async () => {
    await browser?.stop();
    await agent?.stop();
    await inner.remove();
    await group.remove();
  });

  it('show the numbers of the API, live, and nothing is wrong in the console', async () => {
    const page = await browser.open(`${agent.url}/pre/containers${group.name}`);
    await page.until(LIVE);
    const first = await page.evaluate<Shown>(SHOWN);
    await page.until(`${SHOWN}.time > ${first.time}`);
    const shown = await page.evaluate<Shown>(SHOWN);
    const answer = await agent.json<Record<string, Sample[]>>(`/pre/api/v2.0/stats${group.name}?count=-1`);
    const sample = answer[group.name]!.find(({ timestamp }) => Date.parse(timestamp) === Math.floor(shown.time))!;
    assert.ok(sample !== undefined, `no sample of ${shown.time}`);
    assert.deepEqual([shown.workingSet, shown.usage], [sample.memory.working_set, sample.memory.usage]);
    const cores = sample.cpu_inst!.usage.total / 1e9;
    assert.ok(Math.abs(shown.cpu - cores) < 1e-6 && cores > 0, `${shown.cpu} shown, ${cores} in the API`);
    assert.match(shown.cpuText, /^[\d.]+ cores?$/);
    const limit = await page.evaluate<string>("document.querySelector('.series.limit dd').textContent");
    assert.equal(limit, '64 MiB');
    group.limitMemory(MEMORY / 2);
    await page.until("document.querySelector('.series.limit dd').textContent === '32 MiB'");
    await page.until("/ of 32 MiB /.test(document.querySelector('[data-memory-text]').textContent)");
    await page.until("document.querySelector('[data-chart=memory] canvas').width > 100");
    assert.equal(
      await page.evaluate("document.getElementById('sampling').textContent"),
      'sampled every 0.5 s while you look',
    );
    assert.deepEqual(page.troubles, []);
  });

  it('take in a new subcontainer, whose name is no markup, and lead to its page', async () => {
    const page = await browser.open(`${agent.url}/pre/containers${group.name}?sort=memory`);
    await page.until(LIVE);
    inner.create();
    const label = inner.name.slice(group.name.length);
    const link = `[...document.querySelectorAll('#containers tbody a')].find((a) => a.textContent === ${JSON.stringify(label)})`;
    await page.until(link);
    await page.until("document.querySelector('#containers .spark path').getAttribute('d') !== ''");
    await page.evaluate("document.querySelector('#containers .c-name a[data-inplace]').click()");
    await page.until("document.querySelector('#containers [aria-sort=ascending]')");
    assert.equal(await page.evaluate('location.search'), '?sort=name');
    await page.evaluate(`${link}.click()`);
    await page.until(`document.querySelector('h1')?.textContent === ${JSON.stringify(inner.name)}`);
    await page.until(LIVE);
    assert.equal(await page.evaluate("document.querySelectorAll('h1 b, h1 i').length"), 0);
    assert.deepEqual(page.troubles, []);
  });

  it('lead from anywhere to the pages, with and without a list', async () => {
    for (const path of ['/pre/', '/pre/nobody', '/pre/docker/']) {
      const page = await browser.open(agent.url + path);
      await page.until(LIVE);
      const expected = path === '/pre/docker/' ? 'Docker containers' : 'Containers';
      assert.equal(await page.evaluate("document.querySelector('h1').textContent"), expected);
      assert.deepEqual(page.troubles, []);
    }
  });

  it('ask for nothing while nobody looks', async () => {
    const page = await browser.open(`${agent.url}/pre/containers${group.name}`);
    await page.until(LIVE);
    let asked = 0;
    page.on('Network.requestWillBeSent', () => asked++);
    const look = (state: string) =>
      page.evaluate(`Object.defineProperty(document, 'visibilityState', { value: '${state}', configurable: true });
        document.dispatchEvent(new Event('visibilitychange'))`);
    await look('hidden');
    await page.until("document.getElementById('status').dataset.state === 'paused'");
    const before = await page.evaluate<Shown>(SHOWN);
    asked = 0;
    // Another page does so meanwhile: that is how long it takes to be sure.
    const other = await browser.open(`${agent.url}/pre/host/`);
    await other.until(LIVE);
    const { time } = await other.evaluate<Shown>(SHOWN);
    await other.until(`${SHOWN}.time > ${time + 2000}`);
    assert.equal(asked, 0);
    await look('visible');
    await page.until(`${SHOWN}.time > ${before.time + 2000}`);
    assert.deepEqual(page.troubles, []);
  });

  it('have nothing that axe-core finds wrong, in light and dark, wide and narrow', async () => {
    const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    for (const path of ['/containers/?all=1', '/host/', `/containers${group.name}`, '/docker/']) {
      const page = await browser.open(`${agent.url}/pre${path}`);
      await page.until(LIVE);
      await page.until(
        "!document.querySelector('.spark path[d=\"\"]') && document.getElementById('sampling')?.textContent !== ''",
      );
      await page.evaluate(axe);
      for (const [scheme, width] of [
        ['light', 1280],
        ['dark', 390],
      ] as const) {
        await page.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
        await page.send('Emulation.setDeviceMetricsOverride', {
          width,
          height: 800,
          deviceScaleFactor: 1,
          mobile: false,
        });
        const found = await page.evaluate<string[]>(
          'axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => [id, html, failureSummary].join(" "))))',
        );
        assert.deepEqual(found, [], `${path}, ${scheme}`);
      }
      await page.send('Page.close');
    }
  });

  it('are used with the keyboard, and move nothing for those who do not want it', async () => {
    const page = await browser.open(`${agent.url}/pre/containers/?all=1&sort=name`, async (tab) => {
      await tab.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-reduced-motion', value: 'reduce' }] });
    });
    await page.until(LIVE);
    const press = async (key: string, code: number) => {
      for (const type of ['rawKeyDown', 'char', 'keyUp']) {
        const text = key === 'Enter' ? { text: '\r' } : {};
        await page.send('Input.dispatchKeyEvent', { type, key, windowsVirtualKeyCode: code, ...text });
      }
    };
    await page.evaluate("document.querySelector('.c-memory a').focus()");
    await press('Enter', 13);
    await page.until("document.querySelector('th.c-memory').ariaSort === 'descending'");
    assert.equal(await page.evaluate("document.activeElement.closest('th').className"), 'c-memory num');
    assert.equal(await page.evaluate('location.search'), '?sort=memory&all=1');
    await page.evaluate(
      "const search = document.querySelector('input[type=search]'); search.value = 'pages'; search.dispatchEvent(new InputEvent('input', { bubbles: true }))",
    );
    await page.until(
      `[...document.querySelectorAll('.overview tbody th a')].every(({ title }) => title.includes('pages'))`,
    );
    assert.equal(await page.evaluate('location.search'), '?q=pages&sort=memory&all=1');
    await page.until("document.querySelector('[data-chart=cpu] canvas')");
    await page.evaluate("document.querySelector('[data-chart=cpu] [data-plot]').focus()");
    await press('ArrowLeft', 37);
    await page.until("/\\d/.test(document.getElementById('at').textContent)");
    assert.equal(
      await page.evaluate("getComputedStyle(document.querySelector('.bar .part')).transitionDuration"),
      '0s',
    );
    assert.deepEqual(page.troubles, []);
  });

  it('say that the agent does not answer, and go on when it does', async () => {
    const page = await browser.open(`${agent.url}/pre/containers${group.name}`);
    await page.until(LIVE);
    assert.deepEqual(page.troubles, []);
    await agent.stop();
    await page.until("document.getElementById('status').textContent.startsWith('The agent does not answer.')");
    assert.ok(await page.evaluate("document.body.classList.contains('stale')"));
    const { time } = await page.evaluate<Shown>(SHOWN);
    agent = await start();
    await page.until(`${LIVE} && ${SHOWN}.time > ${time}`);
    assert.ok(!(await page.evaluate("document.body.classList.contains('stale')")));
  });
});

describe('the pages behind a password', { skip }, () => {
  const directory = mkdtempSync(join(tmpdir(), `tallyman-test-${process.pid}-`));
  after(() => rmSync(directory, { recursive: true, force: true }));

  it('are live once the browser has asked who is there', async () => {
    const file = join(directory, 'htpasswd');
    const hash = createHash('sha1').update('secret').digest('base64');
    writeFileSync(file, `ann:{SHA}${hash}\n`, { mode: 0o600 });
    const [agent, browser] = await Promise.all([
      AgentProcess.start(configOf(`, auth: { basic: { file: ${file} } }`)),
      Chromium.start(),
    ]);
    try {
      const page = await browser.open(`${agent.url}/pre/`, answerPasswordQuestions);
      await page.until(LIVE);
      const { time } = await page.evaluate<Shown>(SHOWN);
      await page.until(`${SHOWN}.time > ${time}`);
      assert.deepEqual(page.troubles, []);
    } finally {
      await Promise.all([browser.stop(), agent.stop()]);
    }
  });
});

/** Types name and password where the browser asks for them. */
async function answerPasswordQuestions(page: Page): Promise<void> {
  page.on('Fetch.requestPaused', ({ requestId }) => void page.send('Fetch.continueRequest', { requestId }));
  page.on('Fetch.authRequired', ({ requestId }) => {
    const authChallengeResponse = { response: 'ProvideCredentials', username: 'ann', password: 'secret' };
    void page.send('Fetch.continueWithAuth', { requestId, authChallengeResponse });
  });
  await page.send('Fetch.enable', { handleAuthRequests: true });
}

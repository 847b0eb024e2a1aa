// The example json-endpoint against a container in which busybox serves a document.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { parse, stringify } from 'yaml';
import { AgentProcess } from '../support/agent-process.js';
import { AppContainers } from '../support/app-containers.js';
import { type AppMetrics, newest } from '../support/app-metrics-answers.js';
import { exampleFolder } from '../support/example-agent.js';
import { DOCKER_ENGINE, needs } from '../support/needs.js';

const FOLDER = exampleFolder('json-endpoint');
/** The document in the README of the example. */
const DOCUMENT = {
  jobs: { done: 1024 },
  queues: [
    { name: 'mail', depth: 3 },
    { name: 'print', depth: 0 },
  ],
  workers: { a: { busy: true }, b: { busy: false } },
  health: 'degraded',
};

interface Sample {
  plugins: [{ with: { targets: [{ interval: string }] } }];
}

describe('the example json-endpoint', { skip: needs(...DOCKER_ENGINE, 'ip') }, () => {
  const [{ with: options }] = (parse(readFileSync(`${FOLDER}/tallyman.yaml`, 'utf8')) as Sample).plugins;
  let containers: AppContainers;
  let agent: AgentProcess;
  let name: string;

  before(async () => {
    containers = await AppContainers.start();
    const [target] = options.targets;
    const plugin = { use: `${FOLDER}/index.js`, onError: 'fail', with: { targets: [{ ...target, interval: '1s' }] } };
    agent = await AgentProcess.start(
      stringify({
        housekeeping: { interval: '500ms', dynamic: false },
        plugins: [
          { use: 'docker', with: { endpoint: containers.endpoint } },
          { use: 'podman', enabled: false },
          plugin,
        ],
      }),
    );
    const files = { 'status.json': JSON.stringify(DOCUMENT) };
    name = await containers.serve('shop', files, ['-l', 'com.example.app=shop']);
  });

  after(async () => {
    await agent?.stop();
    await containers?.stop();
  });

  const collected = async (fits: (values: ReturnType<typeof newest>) => boolean) => {
    const path = `/api/v2.0/appmetrics${name}`;
    const answer = await agent.until<AppMetrics>(path, (now) => fits(newest(now[name])), 'what the document says');
    return newest(answer[name]);
  };

  it('takes what its config sample says from the document of its README', async () => {
    const label = (metric: string, key: string, value: string) => `__name__=${metric}\ufffd${key}=${value}`;
    assert.deepEqual(await collected((values) => values.shop_health !== undefined), {
      shop_jobs_done: { '': 1024 },
      shop_queue_depth: {
        [label('shop_queue_depth', 'queue', 'mail')]: 3,
        [label('shop_queue_depth', 'queue', 'print')]: 0,
      },
      shop_worker_busy: {
        [label('shop_worker_busy', 'worker', 'a')]: 1,
        [label('shop_worker_busy', 'worker', 'b')]: 0,
      },
      shop_health: { '': 0.5 },
    });
  });

  it('goes with the document, and says what is wrong with it', async () => {
    const changed = { ...DOCUMENT, jobs: { done: 1025 }, health: 'on fire', queues: [] };
    containers.write('shop', 'status.json', JSON.stringify(changed));
    const values = await collected(({ shop_jobs_done: done }) => done?.[''] === 1025);
    assert.equal(values.shop_worker_busy![Object.keys(values.shop_worker_busy!)[0]!], 1);
    await agent.said('shop_health: health is a text that is no number');
    await agent.said('shop_queue_depth: ', /nothing at queues\[\*\]/);
  });

  it('says that an answer is no JSON', async () => {
    containers.write('shop', 'status.json', '{"jobs": {"done": 10');
    await agent.said('fails: the answer is not JSON');
  });

  it('shows a wrong path with its place in the config', async () => {
    const entry = `{ name: x, match: { names: [x] }, port: 1, metrics: [{ name: x, value: 'a[x]' }] }`;
    const config = `plugins:\n  - use: '${FOLDER}/index.js'\n    with:\n      targets:\n        - ${entry}\n`;
    await assert.rejects(
      AgentProcess.start(config),
      /tallyman\.yaml:5:\d+: plugins\[0\]\.with\.targets\[0\]\.metrics\[0\]\.value: not a path at "\[x\]"/,
    );
  });
});

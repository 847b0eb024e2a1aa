import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { capsuleFile, decodeCapsule } from '../../src/kernel/capsules/index.js';
import { projectRoot } from '../project.js';
import { AgentProcess } from '../support/agent-process.js';
import { DockerEngine, IMAGE } from '../support/docker-engine.js';
import { DOCKER_ENGINE, needs } from '../support/needs.js';

const MAIN = join(projectRoot, '.test-build/src/cli/main.js');

/** A capsule in the answer. */
interface Listed {
  readonly id: string;
  readonly label: string;
  readonly exit_code?: number;
  readonly bytes: number;
  readonly reasons: readonly { readonly kind: string; readonly text: string }[];
}

/** What `/api/capsules` answers, as far as tests look at it. */
interface Listing {
  readonly written: number;
  readonly skipped: number;
  readonly failed: number;
  readonly capsules: readonly Listed[];
}

describe('recorder beside a Docker engine', { skip: needs(...DOCKER_ENGINE, 'promtool') }, () => {
  let engine: DockerEngine;
  let agent: AgentProcess;
  let replay: ChildProcess | undefined;
  const directory = mkdtempSync(join(tmpdir(), 'tallyman-test-recorder-'));
  const capsules = join(directory, 'capsules');

  const start = () =>
    AgentProcess.start(
      `
housekeeping: { interval: 200ms, maxInterval: 200ms }
recorder: { maxPerMinute: 1000 }
plugins:
  - { use: docker, with: { endpoint: '${engine.endpoint}', envAllow: [APP_TIER] } }
  - { use: podman, enabled: false }
`,
      ['--port', '0'],
      { TALLYMAN_STATE_DIRECTORY: directory },
    );

  before(async () => {
    engine = await DockerEngine.start();
    agent = await start();
  });
  after(async () => {
    replay?.kill();
    await agent?.stop();
    await engine?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** The capsule of a container, when its reasons fit. */
  async function capsule(label: string, fits: (capsule: Listed) => boolean): Promise<Listed> {
    const find = ({ capsules: all }: Listing) => all.find((each) => each.label === label && fits(each));
    return find(await agent.until<Listing>('/api/capsules', (listing) => find(listing) !== undefined, label))!;
  }
  const read = ({ id }: Listed) => readFileSync(capsuleFile(capsules, id));

  interface Info {
    readonly name: string;
    readonly stats: readonly object[];
    readonly spec: object;
  }
  const live = async (url: string, name: string, samples: number): Promise<Info> => {
    const answer = await agent.until<Record<string, Info>>(
      `/api/v1.3/docker/${name}?num_stats=60`,
      (all) => Object.values(all)[0]!.stats.length >= samples,
      url,
    );
    return Object.values(answer)[0]!;
  };

  it('has samples, processes and how it ended of a container that was killed, and shows them again', async () => {
    await engine.run('--name=killed', '-e', 'PASSWORD=a-secret', '-e', 'APP_TIER=front', '-l', 'team=a', IMAGE);
    const before = await live('samples of it', 'killed', 8);
    // A capsule on request reads the processes at once; otherwise a container waits for its turn.
    assert.equal((await fetch(`${agent.url}/api/record/killed`, { method: 'POST' })).status, 201);
    await engine.cli('kill', 'killed');
    const listed = await capsule('killed', ({ exit_code }) => exit_code === 137);
    assert.deepEqual(
      listed.reasons.map(({ kind, text }) => [kind, text]),
      [
        ['requested', 'asked for'],
        ['exit', 'exit code 137'],
      ],
    );
    const content = read(listed);
    assert.doesNotMatch(gunzipSync(content).toString(), /a-secret/);
    const { container, processes, events, root, rootSamples, diagnosis } = await decodeCapsule(content, 'x');
    assert.deepEqual([container.description.state.exitCode, container.description.labels.team], [137, 'a']);
    // Of its environment, only what the configuration lists.
    assert.deepEqual(container.description.envs, { app_tier: 'front' });
    assert.deepEqual(
      processes?.list.map(({ cmd }) => cmd),
      ['sleep'],
    );
    assert.ok(events.some(({ type, exitCode }) => type === 'containerDeletion' && exitCode === 137));
    assert.ok(root !== undefined && rootSamples.length > 0);
    assert.ok(diagnosis!.lookedAt.length > 0);
    const exported = (format: string) =>
      spawnSync(process.execPath, [MAIN, 'capsules', 'export', listed.id, format], {
        env: { PATH: process.env.PATH, TALLYMAN_STATE_DIRECTORY: directory },
        encoding: 'utf8',
      });
    const [head, first] = exported('--csv').stdout.split('\n');
    assert.equal(head, 'time,container,metric,unit,labels,value');
    assert.match(first!, /^\d{4}-.*Z,\/docker\/[0-9a-f]{64},cpu\.usage\.total,nanoseconds,,\d+$/);
    const metrics = exported('--openmetrics').stdout;
    assert.match(
      metrics,
      /^# TYPE tallyman_cpu_usage counter\n# HELP .*\ntallyman_cpu_usage_total\{id="\/docker\/.*",name="killed"\} \d+ \d+\.\d{6}$/m,
    );
    assert.match(metrics, /\n# EOF\n$/);
    const file = join(directory, 'exported.om');
    writeFileSync(file, metrics);
    const blocks = join(directory, 'blocks');
    const made = spawnSync('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', file, blocks], {
      encoding: 'utf8',
    });
    assert.equal(made.status, 0, made.stderr + made.stdout);
    assert.ok(readdirSync(blocks).length > 0);

    replay = spawn(process.execPath, [MAIN, 'replay', listed.id], {
      env: { PATH: process.env.PATH, TALLYMAN_STATE_DIRECTORY: directory },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(replay.stdout!.setEncoding('utf8'), 'data');
    const page = /http:\S+/.exec(line as string)![0];
    const base = new URL(page).origin;
    const [again] = Object.values(
      (await (await fetch(`${base}/api/v1.3/docker/killed?num_stats=60`)).json()) as Record<string, Info>,
    );
    assert.deepEqual(again!.spec, before.spec);
    for (const sample of before.stats)
      assert.ok(
        again!.stats.some((each) => isEqual(each, sample)),
        JSON.stringify(sample),
      );
    assert.match(await (await fetch(page)).text(), /killed/);
    assert.equal((await fetch(`${base}/api/record/killed`, { method: 'POST' })).status, 501);
  });

  it('names the OOM kill and the exit of one container in one capsule', async () => {
    await engine.run(
      '--name=greedy',
      '--memory=16m',
      IMAGE,
      'sh',
      '-c',
      'sleep 1; dd if=/dev/zero of=/dev/null bs=64M',
    );
    const { reasons } = await capsule(
      'greedy',
      (each) => each.exit_code !== undefined && each.reasons.some(({ kind }) => kind === 'oom'),
    );
    assert.match(reasons.map(({ text }) => text).join(), /the kernel killed dd \(pid \d+\) for lack of memory/);
  });

  it('has no capsule of a container that ended well', async () => {
    await engine.run('--name=fine', IMAGE, 'sleep', '1');
    await engine.run('--name=bad', IMAGE, 'sh', '-c', 'sleep 2; exit 1');
    await capsule('bad', ({ exit_code }) => exit_code === 1);
    const { capsules: all } = await agent.json<Listing>('/api/capsules');
    assert.ok(!all.some(({ label }) => label === 'fine'));
  });

  it('has a capsule of a container that ended while its engine was killed', async () => {
    await engine.run('--name=orphan', IMAGE);
    await live('samples of it', 'orphan', 2);
    const pid = Number(await engine.inspect('orphan', '.State.Pid'));
    await engine.kill();
    process.kill(pid, 'SIGKILL');
    await engine.launch();
    await capsule('orphan', ({ reasons }) => ['exit', 'ended-unseen'].includes(reasons[0]!.kind));
  });

  it('keeps whole capsules when it is killed while it writes', async () => {
    await engine.run('--name=recorded', IMAGE);
    await live('samples of it', 'recorded', 2);
    const asked = Array.from({ length: 40 }, () =>
      fetch(`${agent.url}/api/record/recorded`, { method: 'POST' }).then(
        (answer) => answer.status,
        () => 0,
      ),
    );
    const watcher = watch(capsules, (_, name) => {
      if (!name?.endsWith('.new')) return;
      watcher.close();
      process.kill(agent.pid, 'SIGKILL');
    });
    await Promise.all(asked);
    await agent.ended();
    agent = await start();
    const { capsules: all } = await agent.until<Listing>(
      '/api/capsules',
      (answer) => answer.capsules.length > 0,
      'capsules',
    );
    for (const listed of all) await decodeCapsule(read(listed), listed.id);
    assert.ok(all.some(({ label }) => label === 'killed'));
    assert.deepEqual(
      readdirSync(capsules).filter((name) => name.endsWith('.new')),
      [],
    );
  });
});

function isEqual(a: object, b: object): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

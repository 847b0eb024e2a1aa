import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { listCapsules } from '../../src/cli/commands/capsules.js';
import type { SampleCursor } from '../../src/kernel/contracts/index.js';
import docker from '../../src/plugins/container-handlers/docker/index.js';
import { until } from '../../src/testing/clock.js';
import { SimulatedHost, TestAgent } from '../../src/testing/index.js';
import { FakeEngine, fakeContainer, fakeEvent } from '../support/fake-engine.js';

const state = mkdtempSync(join(tmpdir(), 'tallyman-test-recorder-'));
after(() => rmSync(state, { recursive: true, force: true }));

/** Writes the files of a small container. */
function writeContainer(host: SimulatedHost, name: string): void {
  host.writeCgroup(name, 'cpu', {
    'cgroup.controllers': 'cpu memory pids\n',
    'cpu.stat': 'usage_usec 1000\nuser_usec 1000\nsystem_usec 0\n',
    'memory.current': '4096\n',
    'memory.stat': 'inactive_file 0\n',
  });
}

const exited = (exitCode: number) => ({
  Status: 'exited',
  Running: false,
  ExitCode: exitCode,
  StartedAt: '2026-01-02T03:04:06Z',
  FinishedAt: new Date().toISOString(),
});

/** An event that happens now: what ended long ago is not remembered. */
const now = (event: string) => event.replaceAll('1767323046', String(Math.floor(Date.now() / 1000)));

describe('recorder of a container that does not end well', () => {
  const [sick, restarting] = ['a', 'b'].map((digit) => digit.repeat(64)) as [string, string];
  const host = new SimulatedHost(2);
  const engine = new FakeEngine();
  let agent: TestAgent;

  before(async () => {
    host.write({ 'proc/uptime': '100.00 100.00\n' });
    for (const name of ['/', `/docker/${sick}`, `/docker/${restarting}`]) writeContainer(host, name);
    engine.containers.set(sick, fakeContainer(sick, 'sick'));
    engine.containers.set(restarting, fakeContainer(restarting, 'restarting'));
    await engine.listen();
    agent = await TestAgent.start({
      root: host.root,
      plugins: [{ plugin: docker, with: { endpoint: engine.endpoint } }],
      config: { housekeeping: { interval: '200ms', maxInterval: '200ms' } },
      builtins: ['cpu', 'memory', 'raw', 'capsules', 'why'],
      stateDirectory: join(state, 'reasons'),
    });
    await sampled(2);
  });
  after(async () => {
    await agent?.stop();
    await engine.dispose();
    host.remove();
  });

  const sampled = (count: number) =>
    until(
      () => agent.view.containersOf('docker').filter((one) => one.samples({ count: 1 }).length > 0).length === count,
      () => `${agent.view.containersOf('docker').length} containers`,
      60_000,
    );
  const reasonsOf = (label: string) =>
    agent.view.capsules.list().flatMap((capsule) => (capsule.label === label ? capsule.reasons : []));
  const untilReason = (label: string, kind: string) =>
    until(
      () => reasonsOf(label).some((reason) => reason.kind === kind),
      () => JSON.stringify(agent.view.capsules.list()),
      60_000,
    );

  it('has a capsule when its health check failed, and when a rule of why finds an error', async () => {
    const Health = { Status: 'unhealthy', FailingStreak: 3, Log: [] };
    const { State } = fakeContainer(sick, 'sick') as { State: object };
    engine.containers.set(sick, fakeContainer(sick, 'sick', { State: { ...State, Health } }));
    engine.send(fakeEvent(sick, 'health_status: unhealthy'));
    await untilReason('sick', 'unhealthy');
    await untilReason('sick', 'why');
    const texts = reasonsOf('sick').map(({ kind, text }) => `${kind}: ${text}`);
    assert.ok(texts.includes('unhealthy: its health check failed 3 times in a row'), texts.join());
    assert.ok(
      texts.some((text) => text.startsWith('why: unhealthy: ')),
      texts.join(),
    );
    assert.equal(agent.view.capsules.list().filter(({ label }) => label === 'sick').length, 1);
  });

  it('has its capsules listed alike by the agent and, without one, from their directory', async () => {
    const answer = (await (await fetch(`${agent.url}/api/capsules`)).json()) as { capsules: unknown };
    const printed: string[] = [];
    const cli = {
      env: { TALLYMAN_STATE_DIRECTORY: join(state, 'reasons'), TALLYMAN_RUNTIME_DIRECTORY: join(state, 'none') },
      out: (text: string) => printed.push(text),
      error: (text: string) => assert.fail(text),
      notice: () => true,
    };
    await listCapsules(cli, { json: true });
    assert.deepEqual(JSON.parse(printed.join('')), answer.capsules);
  });

  it('has one more capsule when it ends badly again and again', async () => {
    const name = `/docker/${restarting}`;
    for (let end = 1; end <= 3; end++) {
      engine.containers.set(restarting, fakeContainer(restarting, 'restarting', { State: exited(7) }));
      engine.send(now(fakeEvent(restarting, 'die', { exitCode: '7' })));
      await until(
        () => agent.view.container(name)?.description.state.exitCode === 7,
        () => `the exit code of end ${end}`,
        60_000,
      );
      host.removeCgroup(name);
      await until(
        () => agent.view.container(name) === undefined,
        () => `end ${end}`,
        60_000,
      );
      if (end === 3) break;
      writeContainer(host, name);
      engine.containers.set(restarting, fakeContainer(restarting, 'restarting', { RestartCount: end }));
      engine.send(fakeEvent(restarting, 'start'));
      await sampled(2);
    }
    await untilReason('restarting', 'restart-loop');
    const capsules = agent.view.capsules.list().filter(({ label }) => label === 'restarting');
    assert.deepEqual(
      capsules.map(({ reasons }) => reasons.map(({ kind }) => kind)),
      [['exit'], ['exit', 'restart-loop']],
    );
    assert.match(reasonsOf('restarting').at(-1)!.text, /^ended badly 3 times within \d+ s$/);
  });
});

describe('recorder in a storm', () => {
  const DEATHS = 200;
  const PER_MINUTE = 7;
  const SURVIVORS = 20;
  const survivors = Array.from({ length: SURVIVORS }, (_, i) => `/docker/${i.toString(16).padStart(64, 'a')}`);
  const ids = Array.from({ length: DEATHS }, (_, i) => i.toString(16).padStart(64, '0'));
  const host = new SimulatedHost(2);
  const engine = new FakeEngine();
  let agent: TestAgent;

  before(async () => {
    host.write({ 'proc/uptime': '100.00 100.00\n' });
    for (const name of ['/', ...survivors, ...ids.map((id) => `/docker/${id}`)]) writeContainer(host, name);
    for (const name of survivors) {
      const id = name.slice('/docker/'.length);
      engine.containers.set(id, fakeContainer(id, `survivor-${id.slice(-4)}`));
    }
    for (const [i, id] of ids.entries()) engine.containers.set(id, fakeContainer(id, `c${i}`));
    await engine.listen();
    agent = await TestAgent.start({
      root: host.root,
      plugins: [{ plugin: docker, with: { endpoint: engine.endpoint } }],
      config: { recorder: { maxPerMinute: PER_MINUTE }, housekeeping: { interval: '2s', maxInterval: '2s' } },
      builtins: ['cpu', 'memory', 'raw', 'capsules'],
      stateDirectory: join(state, 'storm'),
    });
  });
  after(async () => {
    await agent?.stop();
    await engine.dispose();
    host.remove();
  });

  it('writes as many capsules as are allowed, counts the other ends, and goes on sampling', async () => {
    // What was never sampled leaves nothing to keep.
    await until(
      () =>
        agent.view.containersOf('docker').filter((one) => one.samples({ count: 1 }).length > 0).length ===
        DEATHS + SURVIVORS,
      () => `${agent.view.containersOf('docker').length} containers`,
      60_000,
    );
    const { missed } = agent.view.self().samples;
    for (const [index, id] of ids.entries()) {
      engine.containers.set(id, fakeContainer(id, 'c', { State: exited(3) }));
      engine.send(fakeEvent(id, 'die', { exitCode: '3' }));
      host.removeCgroup(`/docker/${id}`);
      // The agent runs in this process: what the test does at once holds it up.
      if (index % 5 === 0) await new Promise(setImmediate);
    }
    const { capsules } = agent.view;
    await until(
      () => capsules.state().written + capsules.state().skipped >= DEATHS,
      () => JSON.stringify(capsules.state()),
      60_000,
    );
    const { written, skipped, failed } = capsules.state();
    assert.deepEqual({ written, skipped, failed }, { written: PER_MINUTE, skipped: DEATHS - PER_MINUTE, failed: 0 });
    assert.equal(capsules.list().length, PER_MINUTE);
    const end = Date.now() * 1000;
    const newest = (name: string) => {
      const window = agent.view.container(name)!.samples();
      return window.length === 0 ? 0 : window.at(window.length - 1, {} as SampleCursor).time;
    };
    await until(
      () => survivors.every((name) => newest(name) > end),
      () => 'a sample of each survivor after the storm',
      60_000,
    );
    // A busy machine costs some; a storm that held sampling up would cost each survivor several.
    const lost = agent.view.self().samples.missed - missed;
    assert.ok(lost <= 2 * SURVIVORS, `${lost} samples were left out`);
    const warnings = agent.log.filter(({ message }) => message.startsWith('recorder'));
    assert.equal(warnings.length, 1, JSON.stringify(warnings));
    await assert.rejects(capsules.record('/'), /too many capsules were written in the last minute/);
  });
});

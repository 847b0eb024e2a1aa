import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { ContainerDescription } from '../../src/kernel/contracts/index.js';
import { type FakeEngine, fakeContainer, fakeEvent } from '../support/fake-engine.js';
import { A, B, FakeEngineBench, pathOf } from '../support/fake-engine-bench.js';

describe('docker handler and the events of its engine', () => {
  let bench: FakeEngineBench;
  let engine: FakeEngine;

  beforeEach(() => {
    bench = new FakeEngineBench();
    engine = bench.engine;
  });
  afterEach(() => bench.dispose());

  /** Starts a handler that keeps what ended, and knows a running container. */
  async function startedWithA() {
    await engine.listen();
    const started = await bench.start({ timeout: '10s', tombstoneFor: '87600h' });
    engine.containers.set(A, fakeContainer(A, 'web'));
    engine.send(fakeEvent(A, 'start'));
    started.watch(pathOf(A));
    await started.accepted(pathOf(A));
    return started;
  }

  it('reads events that come in pieces or several at once', async () => {
    await engine.listen();
    const { accepted, watch } = await bench.start({ timeout: '10s', grace: '10s' });
    engine.containers.set(A, fakeContainer(A, 'first'));
    engine.containers.set(B, fakeContainer(B, 'second'));
    const bytes = Buffer.from(fakeEvent(A, 'create').trim() + fakeEvent(B, 'start'));
    for (let at = 0; at < bytes.length; at += 50) engine.send(bytes.subarray(at, at + 50));
    for (const id of [A, B]) watch(pathOf(id));
    assert.equal((await accepted(pathOf(A))).aliases[0], 'first');
    assert.equal((await accepted(pathOf(B))).aliases[0], 'second');
  });

  it('continues after an event that is not JSON, and logs it once', async () => {
    await engine.listen();
    const { accepted, watch } = await bench.start();
    engine.containers.set(A, fakeContainer(A, 'web'));
    engine.send('{"broken\n<html>\n');
    engine.send(fakeEvent(A, 'start'));
    watch(pathOf(A));
    await accepted(pathOf(A));
    assert.deepEqual(bench.warnings(), ['an event is not JSON and was left out']);
  });

  it('does not bring a container back by an answer that is older than its removal', async () => {
    await engine.listen();
    const { watch } = await bench.start({ timeout: '10s' });
    engine.containers.set(A, fakeContainer(A, 'web'));
    engine.delay(`/containers/${A}`);
    engine.send(fakeEvent(A, 'die'));
    await bench.until(() => engine.delayed === 1);
    engine.send(fakeEvent(A, 'destroy'));
    engine.containers.set(B, fakeContainer(B, 'other'));
    engine.send(fakeEvent(B, 'start'));
    await bench.until(() => watch(pathOf(B)).verdict === 'accept');
    engine.release();
    await bench.until(() => watch(pathOf(A)).verdict === 'pass');
  });

  for (const [first, removed] of [
    [false, false],
    [true, false],
    [true, true],
  ]) {
    const [answer, end] = [first ? 'the first' : 'a later', removed ? 'end and removal' : 'end'];
    it(`keeps the ${end} that came while ${answer} answer was under way`, async () => {
      await engine.listen();
      const { accepted, watch } = await bench.start({ timeout: '10s', tombstoneFor: '87600h' });
      const inspected = () => engine.requests.filter((url) => url.startsWith(`/containers/${A}`)).length;
      engine.containers.set(A, fakeContainer(A, 'web'));
      if (!first) {
        engine.send(fakeEvent(A, 'start'));
        watch(pathOf(A));
        await accepted(pathOf(A));
      }
      const before = inspected();
      engine.delay(`/containers/${A}`);
      if (first) watch(pathOf(A));
      else engine.send(fakeEvent(A, 'oom'));
      await bench.until(() => engine.delayed === 1);
      engine.containers.delete(A);
      engine.send(fakeEvent(A, 'die', { exitCode: '137' }));
      if (removed) engine.send(fakeEvent(A, 'destroy'));
      engine.containers.set(B, fakeContainer(B, 'after'));
      engine.send(fakeEvent(B, 'start'));
      watch(pathOf(B));
      await accepted(pathOf(B));
      engine.release();
      await bench.until(() => inspected() > before + 1 || watch(pathOf(A)).verdict === 'pass');
      await bench.until(() => bench.handler.departed!().length > 0);
      const [ended] = bench.handler.departed!();
      assert.equal(ended!.name, pathOf(A));
      assert.equal(ended!.description.state.exitCode, 137);
      assert.equal(ended!.description.state.status, 'exited');
    });
  }

  it('keeps the name of a container that is removed before its cgroup, and learns of its end from the events', async () => {
    const { accepted, watch } = await startedWithA();
    engine.containers.delete(A);
    const asked = engine.requests.length;
    engine.send(fakeEvent(A, 'oom'));
    engine.containers.set(B, fakeContainer(B, 'after'));
    await bench.until(() => engine.requests.length > asked);
    engine.send(fakeEvent(B, 'start'));
    watch(pathOf(B));
    await accepted(pathOf(B));
    engine.send(fakeEvent(A, 'die', { exitCode: '137' }));
    engine.send(fakeEvent(A, 'destroy'));
    await bench.until(() => bench.handler.departed!().length > 0);
    const verdict = watch(pathOf(A));
    assert.equal(verdict.verdict, 'accept');
    const { aliases, state } = (verdict as { description: ContainerDescription }).description;
    assert.deepEqual([aliases[0], state.status, state.exitCode], ['web', 'exited', 137]);
  });

  it('calls a container that is gone exited, not dead, as which its engine knew it while removing it', async () => {
    const { accepted } = await startedWithA();
    const State = { Status: 'dead', Dead: true, ExitCode: 137, FinishedAt: '2026-01-02T03:05:06Z' };
    engine.containers.set(A, fakeContainer(A, 'web', { State }));
    engine.send(fakeEvent(A, 'die', { exitCode: '137' }));
    await accepted(pathOf(A), ({ state }) => state.status === 'dead');
    engine.containers.delete(A);
    engine.send(fakeEvent(A, 'destroy'));
    const { state } = await accepted(pathOf(A), (description) => description.state.status === 'exited');
    assert.equal(state.exitCode, 137);
    assert.equal(bench.handler.departed!()[0]!.description.state.status, 'exited');
  });

  it('opens an ended stream again from where it was, without calling anything out of date', async () => {
    await engine.listen();
    engine.containers.set(A, fakeContainer(A, 'web'));
    const { accepted, watch } = await bench.start();
    watch(pathOf(A));
    await accepted(pathOf(A));
    const streams = () => engine.requests.filter((url) => url.startsWith('/events'));
    engine.send(fakeEvent(A, 'exec_start: x'));
    engine.send(fakeEvent(A, 'pause'));
    await bench.until(() => engine.requests.filter((url) => url.includes(A)).length > 1);
    engine.endStreams();
    await bench.until(() => streams().length === 2 && engine.listeners === 1);
    assert.match(streams()[1]!, /[?&]since=1767323045\.999999(&|$)/);
    assert.equal((await accepted(pathOf(A))).stale, undefined);
    assert.deepEqual(bench.warnings(), []);
  });
});

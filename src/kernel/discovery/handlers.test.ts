import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import {
  acceptAll,
  accepted,
  makeRegistry,
  type TestDiscoveryOptions,
  type TestHandler,
  until,
} from '../../../test/support/discovery.js';
import type { Identification } from '../contracts/index.js';

const PASS: Identification = { verdict: 'pass' };
const RAW: TestHandler = { id: 'raw', handler: acceptAll };

function described(image: string): Identification {
  assert.equal(accepted.verdict, 'accept');
  return accepted.verdict === 'accept' ? { ...accepted, description: { ...accepted.description, image } } : accepted;
}

/** A handler whose verdicts the test changes. */
function changeable(id: string, verdicts: Record<string, Identification>): TestHandler & { asked: string[] } {
  const asked: string[] = [];
  return {
    id,
    asked,
    handler: {
      identify(path) {
        asked.push(path);
        return verdicts[path] ?? PASS;
      },
    },
  };
}

describe('container handlers in discovery', () => {
  let root: string;
  let made: ReturnType<typeof makeRegistry>;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'tallyman-test-'));
    mkdirSync(join(root, 'a'));
  });
  afterEach(() => {
    made.registry.stop();
    rmSync(root, { recursive: true });
  });

  async function start(handlers: () => readonly TestHandler[], options: TestDiscoveryOptions = {}) {
    made = makeRegistry({ version: 1, mounts: [{ controllers: ['cpu'], path: root }] }, { handlers, ...options });
    await made.registry.start();
    return made;
  }

  it('lets the fallback handler decide whether a unit, machine or pod is monitored, not how it is described', async () => {
    const kinds = ['unit', 'machine', 'pod', 'container'] as const;
    const verdicts: Record<string, Identification> = {};
    for (const kind of kinds) {
      mkdirSync(join(root, kind));
      assert.ok(accepted.verdict === 'accept');
      verdicts[`/${kind}`] = { verdict: 'accept', description: { ...accepted.description, kind } };
    }
    let left: Identification | undefined = accepted;
    const raw = (): TestHandler => ({ id: 'raw', handler: { fallback: true, identify: () => left! } });
    const named = changeable('named', verdicts);
    const { registry } = await start(() => (left === undefined ? [named] : [raw(), named]));
    const known = () => registry.all().flatMap(({ handlerId, name }) => (handlerId === 'named' ? [name.slice(1)] : []));
    const all = kinds.toSorted();
    assert.deepEqual(known().sort(), all);
    const ignored: Identification = { verdict: 'ignore', reason: 'excluded' };
    for (const [verdict, expected] of [
      [PASS, ['container']],
      [accepted, all],
      [ignored, ['container']],
      [undefined, all],
    ] as const) {
      left = verdict;
      registry.handlersChanged();
      await until(
        () => known().sort().join() === expected.join(),
        () => `${known()} with ${JSON.stringify(verdict)}`,
      );
    }
  });

  it('asks handlers in order, and uses the first that does not pass', async () => {
    const first = changeable('first', { '/a': { verdict: 'ignore', reason: 'mine' } });
    const { registry } = await start(() => [first, RAW]);
    assert.equal(registry.get('/')?.handlerId, 'raw');
    assert.equal(registry.get('/a'), undefined);
    assert.deepEqual(registry.children('/'), ['/a'], 'a directory all the same');
  });

  it('asks a fallback after all others, whatever its position', async () => {
    const rest: TestHandler = { id: 'rest', handler: { ...acceptAll, fallback: true } };
    const late = changeable('late', { '/a': described('late') });
    const { registry } = await start(() => [rest, late]);
    assert.deepEqual(
      ['/', '/a'].map((name) => registry.get(name)?.handlerId),
      ['rest', 'late'],
    );
    assert.equal(registry.get('/a')?.description.image, 'late');
  });

  it('treats a handler that throws or returns an invalid answer as passing, and reports it', async () => {
    const throwing: TestHandler = {
      id: 'throwing',
      handler: {
        identify() {
          throw new Error('broken');
        },
      },
    };
    const silly = { id: 'silly', handler: { identify: () => undefined as unknown as Identification } };
    const { registry, faults } = await start(() => [throwing, silly, RAW]);
    assert.equal(registry.get('/a')?.handlerId, 'raw');
    assert.ok(faults.includes('throwing: Error: broken'));
    assert.ok(faults.some((fault) => fault.startsWith('silly: TypeError: identify("/a") must return a verdict')));
  });

  it('shows pending cgroups, and asks again by itself', async () => {
    const verdicts: Record<string, Identification> = { '/a': { verdict: 'pending', reason: 'daemon is away' } };
    const runtime = changeable('runtime', verdicts);
    const { registry, recorder } = await start(() => [runtime, RAW], { pendingRetry: { firstMs: 5, maxMs: 20 } });
    assert.equal(registry.get('/a'), undefined);
    const [waiting] = registry.pending();
    assert.deepEqual({ ...waiting, since: 0 }, { name: '/a', handler: 'runtime', reason: 'daemon is away', since: 0 });
    await until(
      () => runtime.asked.filter((path) => path === '/a').length > 3,
      () => 'asked again',
    );
    assert.equal(registry.pending()[0]?.since, waiting?.since);
    verdicts['/a'] = described('nginx');
    await recorder.waitFor('added /a');
    assert.equal(registry.get('/a')?.handlerId, 'runtime');
    assert.deepEqual(registry.pending(), []);
  });

  it('drops a pending cgroup when it is removed', async () => {
    const runtime = changeable('runtime', { '/a': { verdict: 'pending', reason: 'later' } });
    const { registry } = await start(() => [runtime]);
    rmdirSync(join(root, 'a'));
    await until(
      () => registry.pending().length === 0,
      () => 'nothing waits',
    );
  });

  it('keeps the container when its handler changes the description', async () => {
    const verdicts = { '/a': described('one') };
    const { registry, recorder } = await start(() => [changeable('runtime', verdicts), RAW]);
    const container = registry.get('/a');
    verdicts['/a'] = described('one');
    registry.registrar('runtime').reconsider('/a');
    await until(
      () => registry.get('/a') !== undefined,
      () => '/a',
    );
    verdicts['/a'] = described('two');
    registry.registrar('runtime').reconsiderAll();
    await recorder.waitFor('described /a');
    assert.equal(registry.get('/a'), container);
    assert.equal(container?.description.image, 'two');
    assert.equal(recorder.lines.filter((line) => line === 'described /a').length, 1);
  });

  it('moves a cgroup to another handler as the same container', async () => {
    const verdicts: Record<string, Identification> = {};
    const { registry, recorder } = await start(() => [changeable('runtime', verdicts), RAW]);
    assert.equal(registry.get('/a')?.handlerId, 'raw');
    verdicts['/a'] = described('nginx');
    registry.registrar('runtime').reconsider('/a');
    const container = registry.get('/a');
    await recorder.waitFor('described /a');
    assert.equal(registry.get('/a'), container);
    assert.equal(container?.handlerId, 'runtime');
    assert.ok(!recorder.lines.includes('removed /a'));
    verdicts['/a'] = { verdict: 'ignore', reason: 'stopped' };
    registry.registrar('runtime').reconsider('/a');
    await until(
      () => registry.get('/a') === undefined,
      () => '/a is ignored',
    );
  });

  it('does not change an accepted container while a handler answers pending', async () => {
    const verdicts: Record<string, Identification> = {};
    const { registry } = await start(() => [changeable('runtime', verdicts), RAW]);
    verdicts['/a'] = { verdict: 'pending', reason: 'reconnecting' };
    registry.registrar('runtime').reconsider('/a');
    await until(
      () => registry.pending().length === 1,
      () => '/a waits',
    );
    assert.equal(registry.get('/a')?.handlerId, 'raw');
  });

  it('asks about all cgroups again when handlers are added', async () => {
    const handlers: TestHandler[] = [];
    const { registry, recorder } = await start(() => handlers);
    assert.deepEqual(registry.all(), []);
    handlers.push(RAW);
    registry.handlersChanged();
    await recorder.waitFor('added /', 'added /a');
  });

  it('accepts reconsider during identify', async () => {
    let asked = 0;
    const eager: TestHandler = {
      id: 'eager',
      handler: {
        identify(path) {
          if (asked++ < 3) made.registry.registrar('eager').reconsider(path);
          return PASS;
        },
      },
    };
    await start(() => [eager, RAW]);
    await until(
      () => asked >= 4,
      () => 'asked',
    );
  });

  it('examines an unknown path at once on reconsider', async () => {
    const { registry, recorder } = await start(() => [RAW], { watchDirectory: () => ({ close() {} }) });
    mkdirSync(join(root, 'docker/x'), { recursive: true });
    registry.registrar('raw').reconsider('/docker/x');
    await recorder.waitFor('added /docker', 'added /docker/x');
  });

  it('notifies every handler that a cgroup is gone, whatever its verdict was', async () => {
    const forgotten: string[] = [];
    const heedless: TestHandler = {
      id: 'heedless',
      handler: {
        identify: () => ({ verdict: 'pass' }),
        forget() {
          throw new Error('boom');
        },
      },
    };
    const ignoring: TestHandler = {
      id: 'ignoring',
      handler: {
        identify: (path) => (path === '/a' ? { verdict: 'ignore', reason: 'mine' } : { verdict: 'pass' }),
        forget: (path) => void forgotten.push(path),
      },
    };
    const { registry, faults } = await start(() => [heedless, ignoring, RAW]);
    assert.equal(registry.get('/a'), undefined);
    rmdirSync(join(root, 'a'));
    registry.recheck('/a');
    await until(
      () => forgotten.length > 0,
      () => 'nothing was forgotten',
    );
    assert.deepEqual(forgotten, ['/a']);
    assert.deepEqual(faults, ['heedless: Error: boom']);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { loggerTo } from '../../../test/support/loggers.js';
import type { EffectiveConfig, LoadedConfig } from '../config/index.js';
import { describeChanges } from './changes.js';
import { Reloader, ReloadHistory } from './index.js';

type Described = Pick<LoadedConfig, 'effective' | 'shown'>;
const effective = (config: object) => ({ plugins: [], ...config }) as EffectiveConfig;
const open = (config: object): Described => ({ effective: effective(config), shown: effective(config) });
const hiding = (config: object): Described => ({
  effective: effective(config),
  shown: JSON.parse(JSON.stringify(config).replaceAll(/"(password|apiKey)":"."/g, '"$1":"(secret)"')),
});

describe('describeChanges', () => {
  const before = {
    housekeeping: { interval: '1s', jitter: 0.1 },
    web: { listen: ['127.0.0.1:8080'], auth: { rules: [] }, tls: {} },
    plugins: [
      { use: 'cpu', with: { interval: '1s' }, onError: 'retry' },
      { use: 'podman', with: {} },
      { use: 'sink', with: { password: 'a', nested: { apiKey: 'b' } } },
    ],
  };

  it('names added and removed plugins, and options with both values', () => {
    const after = {
      housekeeping: { interval: '5s', jitter: 0.1 },
      web: { listen: ['127.0.0.1:8080', ':9'], auth: { rules: [{ path: '/x' }] }, tls: { cert: '/c' } },
      plugins: [
        { use: 'cpu', with: { interval: '5s' }, onError: 'fail' },
        { use: 'docker', with: {} },
        { use: 'sink', with: { password: 'c', nested: { apiKey: 'd' } } },
      ],
    };
    assert.deepEqual(describeChanges(hiding(before), hiding(after)), [
      '+docker',
      '-podman',
      'cpu: interval 1s → 5s',
      'cpu: onError retry → fail',
      'sink: password changed',
      'sink: nested.apiKey changed',
      'housekeeping.interval 1s → 5s',
      'web.listen ["127.0.0.1:8080"] → ["127.0.0.1:8080",":9"]',
      'web.auth.rules [] → other values',
      'web.tls.cert unset → /c',
    ]);
    assert.deepEqual(describeChanges(hiding(before), hiding(before)), []);
    assert.deepEqual(describeChanges(open(before), open({ ...before, plugins: before.plugins.toReversed() })), [
      'order of plugins',
    ]);
  });

  it('is empty exactly when nothing differs', () => {
    const config = fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), fc.jsonValue());
    fc.assert(
      fc.property(config, config, (a, b) => {
        assert.deepEqual(describeChanges(open(a), open(a)), []);
        assert.ok(describeChanges(open(a), open(b)).every((change) => change !== ''));
      }),
    );
  });
});

describe('a reload', () => {
  const configOf = (sections: object, file?: string) =>
    ({ ...open(sections), file, warnings: [] }) as unknown as LoadedConfig;

  function fixture() {
    const lines: string[] = [];
    const logger = loggerTo(lines);
    const applied: LoadedConfig[] = [];
    const next: { load: () => Promise<LoadedConfig>; apply: (config: LoadedConfig) => Promise<void> } = {
      load: async () => configOf({ log: { level: 'debug', format: 'json' } }, '/etc/x.yaml'),
      apply: async (config) => void applied.push(config),
    };
    const active = configOf({ log: { level: 'info', format: 'auto' } });
    let now = 1_000_000_000_000_000;
    const reloader = new Reloader({
      active,
      load: () => next.load(),
      apply: (config) => next.apply(config),
      history: new ReloadHistory(now++),
      clock: { now: () => now++, monotonic: () => 0 },
      logger,
    });
    return { reloader, lines, applied, next, active };
  }

  it('applies the new configuration, and reports the changes and those that need a restart', async () => {
    const { reloader, lines, applied } = fixture();
    const outcome = await reloader.reload('SIGHUP');
    assert.equal(outcome.ok, true);
    assert.deepEqual(outcome.changes, ['log.level info → debug', 'log.format auto → json']);
    assert.deepEqual(outcome.restart, ['log.format auto → json']);
    assert.equal(applied.length, 1);
    assert.match(lines[0]!, /^SIGHUP: \/etc\/x\.yaml is active: log\.level info → debug, log\.format auto → json$/);
    assert.deepEqual(reloader.state(), {
      file: '/etc/x.yaml',
      activeSince: outcome.at,
      succeeded: 1,
      failed: 0,
      last: outcome,
    });
    assert.deepEqual((await reloader.reload('SIGHUP')).changes, []);
    assert.equal(reloader.state().activeSince, outcome.at);
  });

  it('keeps the active configuration when the new one is invalid', async () => {
    const { reloader, lines, applied, next } = fixture();
    const { activeSince } = reloader.state();
    next.load = () => Promise.reject(new Error('x.yaml:3:1: bad'));
    const outcome = await reloader.reload('SIGHUP');
    assert.deepEqual([outcome.ok, outcome.error, applied.length], [false, 'x.yaml:3:1: bad', 0]);
    assert.match(lines[0]!, /the configuration from 2001-\S+ stays active, .*: x\.yaml:3:1: bad$/);
    assert.deepEqual([reloader.state().activeSince, reloader.state().failed], [activeSince, 1]);
  });

  it('restores the previous configuration when the new one cannot be applied', async () => {
    const { reloader, applied, next, active } = fixture();
    next.apply = async (config) => {
      applied.push(config);
      if (config !== active) throw new Error('port taken');
    };
    const outcome = await reloader.reload('POST');
    assert.deepEqual([outcome.ok, outcome.error], [false, 'port taken']);
    assert.deepEqual(outcome.changes.length, 2);
    assert.equal(applied.at(-1), active);
    assert.equal(reloader.state().file, undefined);
  });

  it('waits for the previous reload', async () => {
    const { reloader, next } = fixture();
    let running = 0;
    next.apply = async () => {
      assert.equal(++running, 1);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
    };
    await Promise.all([reloader.reload('a'), reloader.reload('b'), reloader.reload('c')]);
    assert.equal(reloader.state().succeeded, 3);
  });
});

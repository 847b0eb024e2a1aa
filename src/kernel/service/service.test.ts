import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { loggerTo } from '../../../test/support/loggers.js';
import { readServiceEnvironment, withoutServiceVariables } from './environment.js';
import { ServiceManager } from './index.js';
import { RelayNotifier } from './notifier.js';

const lines: string[] = [];
const logger = loggerTo(lines);

describe('readServiceEnvironment', () => {
  it('is empty without a service manager', () => {
    assert.deepEqual(readServiceEnvironment({ PATH: '/bin' }, 7), { sockets: [] });
  });

  it('returns the notification socket, the watchdog and the sockets for this process', () => {
    const env = {
      NOTIFY_SOCKET: '/run/systemd/notify',
      WATCHDOG_USEC: '30000000',
      WATCHDOG_PID: '7',
      LISTEN_PID: '7',
      LISTEN_FDS: '2',
    };
    const read = { notifySocket: '/run/systemd/notify', watchdogMs: 30_000, sockets: [3, 4] };
    assert.deepEqual(readServiceEnvironment(env, 7), read);
    assert.deepEqual(readServiceEnvironment(env, 8), { notifySocket: '/run/systemd/notify', sockets: [] });
    assert.equal(readServiceEnvironment({ ...env, WATCHDOG_PID: undefined }, 8).watchdogMs, 30_000);
    assert.equal(readServiceEnvironment({ NOTIFY_SOCKET: '@abstract' }, 7).notifySocket, '@abstract');
  });

  it('ignores malformed values', () => {
    const text = fc.oneof(fc.string(), fc.constantFrom('-1', '1e9', '0', ' 3', '99999999999999999999', '@', '/'));
    const variables = fc.record({ NOTIFY_SOCKET: text, WATCHDOG_USEC: text, LISTEN_FDS: text, LISTEN_PID: text });
    fc.assert(
      fc.property(variables, (env) => {
        const { watchdogMs, sockets } = readServiceEnvironment(env, 7);
        assert.ok(watchdogMs === undefined || (Number.isFinite(watchdogMs) && watchdogMs > 0));
        assert.ok(sockets.length <= 1024);
      }),
    );
  });

  it('is removed from the environment of child processes', () => {
    assert.deepEqual(withoutServiceVariables({ NOTIFY_SOCKET: '/x', LISTEN_FDNAMES: 'a', PATH: '/bin' }), {
      PATH: '/bin',
    });
  });
});

describe('ServiceManager', () => {
  const env = { NOTIFY_SOCKET: '/run/systemd/notify' };

  function fixture(variables: Record<string, string>) {
    const sent: string[][] = [];
    const notifier = { send: (...assignments: string[]) => void sent.push(assignments), close: () => {} };
    const health = {
      healthy: true,
      isHealthy: () => health.healthy,
      likelyCause: () => 'plugin x did it',
      status: () => 'Sampling 3 containers',
    };
    const service = new ServiceManager({ ...env, ...variables }, logger, () => notifier);
    return { sent, health, service };
  }

  it('is notified when the agent is ready and when it stops', () => {
    const { sent, health, service } = fixture({});
    service.ready(health);
    service.stopping();
    assert.deepEqual(sent, [
      ['READY=1', 'STATUS=Sampling 3 containers'],
      ['STOPPING=1', 'STATUS=Stopping'],
    ]);
  });

  it('is notified of a reload', () => {
    const { sent, health, service } = fixture({});
    service.ready(health);
    service.reloading();
    service.reloaded();
    service.stopping();
    assert.equal(sent[1]![0], 'RELOADING=1');
    assert.match(sent[1]![1]!, /^MONOTONIC_USEC=\d+$/);
    assert.deepEqual(sent[2], ['READY=1', 'STATUS=Sampling 3 containers']);
  });

  it('gets watchdog notifications three times per timeout, only while the agent is healthy', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const { sent, health, service } = fixture({ WATCHDOG_USEC: '30000000' });
    const feeds = () => sent.filter(([first]) => first === 'WATCHDOG=1').length;
    service.ready(health);
    assert.ok(sent[0]!.includes('WATCHDOG=1'));
    t.mock.timers.tick(30_000);
    assert.equal(feeds(), 3);
    health.healthy = false;
    lines.length = 0;
    t.mock.timers.tick(60_000);
    assert.equal(feeds(), 3);
    assert.deepEqual(lines, [
      'no samples are being taken: the watchdog is not notified until they are; plugin x did it',
    ]);
    health.healthy = true;
    t.mock.timers.tick(10_000);
    assert.equal(feeds(), 4);
    service.stopping();
    t.mock.timers.tick(60_000);
    assert.equal(sent.at(-1)![0], 'STOPPING=1');
  });

  it('without a notification socket still returns the passed sockets', () => {
    const service = new ServiceManager({ LISTEN_PID: String(process.pid), LISTEN_FDS: '1' }, logger);
    service.ready({ isHealthy: () => true, status: () => '' });
    service.stopping();
    assert.deepEqual(service.sockets, [3]);
  });
});

describe('RelayNotifier', () => {
  /** A `systemd-notify` of the test's own, and a file for what it is given. */
  function fakeProgram(t: TestContext, script: string) {
    const folder = mkdtempSync(join(tmpdir(), 'tallyman-test-notify-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const log = join(folder, 'log');
    writeFileSync(log, '');
    writeFileSync(join(folder, 'systemd-notify'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const read = () => readFileSync(log, 'utf8').split('\n').slice(0, -1);
    return { env: { PATH: `${folder}:${process.env.PATH}`, LOG: log, NOTIFY_SOCKET: '@x' }, read };
  }

  async function until(condition: () => boolean, meanwhile: () => void = () => {}): Promise<void> {
    while (!condition()) {
      meanwhile();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  it('delivers messages completely and in order, whatever they contain', async (t) => {
    const { env, read } = fakeProgram(t, 'for word; do line="$line$word|"; done; printf "%s\\n" "$line" >>"$LOG"');
    const notifier = new RelayNotifier(env, logger);
    notifier.send('READY=1', 'STATUS=a  b\t*\n$HOME `c` \\');
    notifier.send('WATCHDOG=1');
    await until(() => read().length === 2);
    notifier.close();
    notifier.send('LATE=1');
    assert.deepEqual(read(), ['READY=1|STATUS=a  b * $HOME `c` \\|', 'WATCHDOG=1|']);
  });

  it('logs a failure of systemd-notify once, and tries again', async (t) => {
    const { env, read } = fakeProgram(t, 'echo "$@" >>"$LOG"; echo "no such socket" >&2; exit 1');
    lines.length = 0;
    const notifier = new RelayNotifier(env, logger);
    await until(
      () => read().length >= 3 && lines.length > 0,
      () => notifier.send('WATCHDOG=1'),
    );
    notifier.close();
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, /^systemd-notify failed.*: no such socket$/);
  });

  it('does not keep the process alive, and delivers the last message', async (t) => {
    const { env, read } = fakeProgram(t, 'echo "$@" >>"$LOG"');
    const module = new URL('./notifier.js', import.meta.url).href;
    const program = `import { RelayNotifier } from ${JSON.stringify(module)};
      new RelayNotifier(process.env, console).send('STOPPING=1');`;
    execFileSync(process.execPath, ['--input-type=module', '-e', program], { env });
    await until(() => read().length === 1);
    assert.deepEqual(read(), ['STOPPING=1']);
  });
});

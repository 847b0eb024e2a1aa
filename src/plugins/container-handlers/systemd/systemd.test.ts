import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { FakeSystemd } from '../../../../test/support/fake-systemd.js';
import { startHandler } from '../../../../test/support/handler-bench.js';
import { FakeClock, systemClock } from '../../../testing/clock.js';
import { type HandlerBench, SimulatedHost, type TestContext, testContext, until } from '../../../testing/index.js';
import plugin from './index.js';

const WEB = '/system.slice/web@eu\\x2d1.service';
const UNIT = 'web@eu\\x2d1.service';
const STARTED = 1_764_000_000_000_000;
const RUNNING = {
  LoadState: 'loaded',
  Description: 'The web of eu-1',
  ActiveState: 'active',
  SubState: 'running',
  ActiveEnterTimestamp: STARTED + 5,
  NRestarts: 0,
  ExecMainStartTimestamp: STARTED,
  ExecMainExitTimestamp: 0,
  ExecMainCode: 0,
  ExecMainStatus: 0,
  Result: 'success',
};

for (const version of [1, 2] as const) {
  describe(`the systemd handler on cgroup v${version}`, () => {
    let host: SimulatedHost;
    let systemd: FakeSystemd;
    let context: TestContext;
    let bench: HandlerBench;

    beforeEach(async () => {
      host = new SimulatedHost(version);
      systemd = await new FakeSystemd(host).start();
      context = testContext({ id: 'systemd', clock: systemClock, linux: host.linux });
    });
    afterEach(async () => {
      await bench?.handler.stop?.();
      context.dispose();
      await systemd.stop();
      host.remove();
      assert.deepEqual(context.faults, []);
    });
    const start = async (options: Record<string, unknown> = {}) => {
      bench = await startHandler(plugin, context, { timeout: '30s', ...options });
      return bench;
    };

    it('gives a unit its names at once, and its description after systemd’s answer', async () => {
      systemd.units.set(UNIT, RUNNING);
      await start();
      const first = bench.watch(WEB);
      assert.ok(first.verdict === 'accept');
      assert.deepEqual(first.description.aliases, [UNIT, 'web@eu-1.service', 'web@eu\\x2d1']);
      await bench.handler.whenAnswered!();
      const { description } = bench.verdicts.get(WEB) as { description?: object };
      assert.deepEqual(description, {
        aliases: [UNIT, 'web@eu-1.service', 'web@eu\\x2d1'],
        namespace: 'systemd',
        kind: 'unit',
        labels: { 'systemd.unit': UNIT, 'systemd.description': 'The web of eu-1' },
        envs: {},
        networkMode: 'none',
        restartCount: 0,
        state: { status: 'running', startedAt: STARTED },
      });
      assert.deepEqual(bench.handler.runtime!(), { name: 'systemd', version: '252', apiVersion: '' });
      assert.deepEqual(await bench.handler.findings!(), []);
      assert.equal(bench.watch(WEB).verdict, 'accept');
      assert.equal(bench.reconsidered.get(WEB), 1, 'nothing changed since');
    });

    it('follows changes that systemd signals: restarts, a description after daemon-reload', async () => {
      systemd.units.set(UNIT, RUNNING);
      await start();
      bench.watch(WEB);
      await bench.handler.whenAnswered!();
      systemd.change(UNIT, { NRestarts: 3, SubState: 'auto-restart', ActiveState: 'activating' });
      await bench.accepted(WEB, ({ restartCount, state }) => restartCount === 3 && state.status === 'restarting');
      systemd.units.set(UNIT, { ...RUNNING, Description: 'Edited' });
      systemd.reloaded();
      await bench.accepted(WEB, ({ labels }) => labels['systemd.description'] === 'Edited');
      const asked = systemd.calls.length;
      systemd.change('other.service', RUNNING);
      systemd.change(UNIT, { Description: 'Again' });
      await bench.accepted(WEB, ({ labels }) => labels['systemd.description'] === 'Again');
      assert.equal(systemd.calls.length - asked, 11, 'only the unit that is watched is asked about');
    });

    it(`${version === 2 ? 'shows' : 'does not know'} a frozen unit by the kernel’s files`, async () => {
      const clock = new FakeClock();
      context = testContext({ id: 'systemd', clock, linux: host.linux });
      const events = (frozen: 0 | 1) =>
        host.writeCgroup(WEB, 'cpu', { 'cgroup.events': `populated 1\nfrozen ${frozen}\n` });
      events(1);
      await start();
      bench.watch(WEB);
      const frozen = version === 2 ? 'paused' : 'running';
      assert.equal(bench.description(WEB)?.state.status, frozen);
      events(0);
      await clock.advance(5_000);
      assert.equal(bench.description(WEB)?.state.status, 'running');
      host.removeCgroup(WEB);
      await clock.advance(5_000);
      assert.equal(bench.description(WEB)?.state.status, 'running');
    });

    it('keeps how a service ended, and its exit code when it runs again', async () => {
      systemd.units.set(UNIT, RUNNING);
      await start();
      bench.watch(WEB);
      await bench.handler.whenAnswered!();
      systemd.units.set(UNIT, {
        ...RUNNING,
        ActiveState: 'failed',
        SubState: 'failed',
        ExecMainExitTimestamp: STARTED + 9,
        ExecMainCode: 2,
        ExecMainStatus: 9,
        Result: 'oom-kill',
      });
      bench.handler.forget!(WEB);
      await until(
        () => bench.handler.departed!().length === 1,
        () => 'the service in the list of ended ones',
      );
      const [ended] = bench.handler.departed!();
      assert.equal(ended!.name, WEB);
      assert.deepEqual(ended!.description.state, {
        status: 'exited',
        exitCode: 137,
        oomKilled: true,
        startedAt: STARTED,
        finishedAt: STARTED + 9,
      });
      systemd.units.set(UNIT, { ...RUNNING, NRestarts: 1 });
      bench.watch(WEB);
      assert.deepEqual(bench.handler.departed!(), []);
      const description = await bench.accepted(WEB, ({ restartCount }) => restartCount === 1);
      assert.equal(description.state.exitCode, 137);
    });

    it('keeps descriptions while systemd is away, reports why, and asks again when it is back', async () => {
      systemd.units.set(UNIT, RUNNING);
      await start();
      bench.watch(WEB);
      await bench.handler.whenAnswered!();
      await systemd.stop();
      await until(
        async () => (await bench.handler.findings!()).length === 1,
        () => 'a finding',
      );
      assert.equal(bench.description(WEB)?.labels['systemd.description'], 'The web of eu-1');
      systemd.units.set(UNIT, { ...RUNNING, Description: 'Back' });
      await systemd.start();
      await bench.accepted(WEB, ({ labels }) => labels['systemd.description'] === 'Back');
      assert.deepEqual(await bench.handler.findings!(), []);
      assert.equal(context.log.filter(({ level }) => level !== 'debug').length, 1, 'it is logged once');
    });
  });
}

describe('the systemd handler', () => {
  let host: SimulatedHost;
  let context: TestContext;
  let systemd: FakeSystemd | undefined;
  let bench: HandlerBench;

  beforeEach(() => {
    host = new SimulatedHost();
    context = testContext({ id: 'systemd', clock: systemClock, linux: host.linux });
  });
  afterEach(async () => {
    await bench.handler.stop?.();
    context.dispose();
    await systemd?.stop();
    systemd = undefined;
    host.remove();
    assert.deepEqual(context.faults, []);
  });
  const start = async (options: Record<string, unknown> = {}) => {
    bench = await startHandler(plugin, context, { timeout: '30s', ...options });
  };
  const reason = async () => (await bench.handler.findings!())[0]?.what;

  it('passes everything on, silently, on a host without systemd', async () => {
    await start();
    assert.deepEqual(bench.watch(WEB), { verdict: 'pass' });
    await bench.handler.whenAnswered!();
    assert.deepEqual(await bench.handler.findings!(), []);
    assert.deepEqual(context.log, []);
  });

  it('names units also where systemd cannot be asked, with a finding', async () => {
    host.write({ 'run/systemd/system/': '' });
    await start();
    const verdict = bench.watch('/user.slice/user-7.slice/user@7.service/app.slice/web.service');
    assert.ok(verdict.verdict === 'accept');
    const { aliases, labels } = verdict.description;
    assert.deepEqual(aliases, ['user@7.service/web.service', 'user@7.service/web']);
    assert.deepEqual(labels, { 'systemd.unit': 'web.service', 'systemd.uid': '7' });
    assert.match(
      (await reason())!,
      /none of these sockets exists: \/run\/dbus\/system_bus_socket, \/run\/systemd\/private/,
    );
  });

  for (const [what, behaviour, expected] of [
    ['a server that is no bus', { greeting: 'HTTP/1.1 400' }, /no D-Bus authentication/],
    ['a bus that refuses', { greeting: 'REJECTED EXTERNAL' }, /authentication was rejected/],
    ['garbage after the authentication', { garbage: Buffer.alloc(64, 'x') }, /no D-Bus message/],
    ['a bus that never answers', { isHung: true }, /no answer within 300 ms/],
  ] as const) {
    it(`keeps the names with ${what}, and logs it once`, async () => {
      systemd = Object.assign(await new FakeSystemd(host).start(), behaviour);
      await start('isHung' in behaviour ? { timeout: '300ms' } : {});
      assert.equal(bench.watch(WEB).verdict, 'accept');
      await bench.handler.whenAnswered!();
      assert.match((await reason())!, expected);
      assert.equal(context.log.filter(({ level }) => level !== 'debug').length, 1);
    });
  }

  it('asks the next socket when one cannot be asked', async () => {
    systemd = await new FakeSystemd(host).start();
    systemd.units.set(UNIT, RUNNING);
    host.write({ 'run/other': 'a file' });
    await start({ sockets: ['/run/none', '/run/other', '/run/dbus/system_bus_socket'] });
    bench.watch(WEB);
    await bench.accepted(WEB, ({ restartCount }) => restartCount === 0);
    assert.deepEqual(await bench.handler.findings!(), []);
  });

  it('leaves a unit as it is when it vanishes while systemd is asked, and one that systemd does not know', async () => {
    systemd = await new FakeSystemd(host).start();
    systemd.units.set(UNIT, RUNNING);
    await start();
    bench.watch(WEB);
    bench.watch('/foreign.service');
    bench.handler.forget!(WEB);
    await bench.handler.whenAnswered!();
    assert.equal(bench.reconsidered.get(WEB), undefined);
    assert.deepEqual(bench.description('/foreign.service')?.state, { status: 'running' });
    assert.equal(bench.description('/foreign.service')?.restartCount, undefined);
  });

  it('names what `units`, `exclude` and `userUnits` say, and puts names of the user’s in front', async () => {
    host.write({ 'run/systemd/system/': '' });
    await start({
      units: ['*.service'],
      exclude: ['getty@*'],
      userUnits: false,
      names: [
        { unit: 'web@*', name: 'shop' },
        { unit: '*', name: 'any' },
      ],
    });
    assert.equal(bench.watch('/system.slice').verdict, 'pass');
    assert.equal(bench.watch('/system.slice/getty@tty1.service').verdict, 'pass');
    assert.equal(bench.watch('/user.slice/user@7.service/web.service').verdict, 'pass');
    bench.watch(WEB);
    assert.equal(bench.description(WEB)?.aliases[0], 'shop');
  });

  it('asks about a thousand units without more answers owed at once than a bus allows', async () => {
    systemd = await new FakeSystemd(host).start();
    await start();
    const paths = Array.from({ length: 1000 }, (_, i) => `/system.slice/many-${i}.service`);
    for (const path of paths) systemd.units.set(path.slice(14), { ...RUNNING, NRestarts: 1 });
    for (const path of paths) bench.watch(path);
    await bench.handler.whenAnswered!();
    assert.ok(paths.every((path) => bench.description(path)?.restartCount === 1));
    for (const path of paths) bench.handler.forget!(path);
    await until(
      () => bench.handler.departed!().length === 0,
      () => 'no list of services that have no end',
    );
  });

  it('forgets the oldest of more than 200 services that ended', async () => {
    systemd = await new FakeSystemd(host).start();
    await start();
    await bench.handler.whenAnswered!();
    const paths = Array.from({ length: 300 }, (_, i) => `/system.slice/job-${i}.service`);
    for (const path of paths)
      systemd.units.set(path.slice(14), { ...RUNNING, ExecMainExitTimestamp: 1, ExecMainCode: 1 });
    for (const path of paths) bench.watch(path);
    for (const path of paths) bench.handler.forget!(path);
    await until(
      () => bench.handler.departed!().some(({ name }) => name === paths.at(-1)),
      () => 'the last one',
    );
    assert.equal(bench.handler.departed!().length, 200);
  });
});

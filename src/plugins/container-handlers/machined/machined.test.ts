import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { startHandler } from '../../../../test/support/handler-bench.js';
import { FakeClock, type HandlerBench, SimulatedHost, type TestContext, testContext } from '../../../testing/index.js';
import plugin from './index.js';
import { guestOfCommand, machineOfUnit, machineWithoutSystemd } from './machine-name.js';
import { parseRegistration } from './registration.js';

const CHECK_MS = 1_000;
const WEB = '/machine.slice/machine-web\\x2d1.scope';
/** As systemd 252 writes it. */
const REGISTRATION = `# This is private data. Do not parse.
NAME=web-1
SCOPE="machine-web\\\\x2d1.scope"
SERVICE=systemd-nspawn
ROOT=/var/lib/machines/web-1
ID=3aa53f7a41a44ebf8f3cf7cd7fd1e7a4
LEADER=70
CLASS=container
REALTIME=1764000000123456
MONOTONIC=123456
`;

for (const version of [1, 2] as const) {
  describe(`the machined handler on cgroup v${version}`, () => {
    let host: SimulatedHost;
    let clock: FakeClock;
    let context: TestContext;
    let bench: HandlerBench;

    beforeEach(() => {
      host = new SimulatedHost(version);
      clock = new FakeClock();
      context = testContext({ id: 'machined', clock, linux: host.linux });
      for (const [pid, network] of [
        [1, 'net:[1]'],
        [70, 'net:[2]'],
      ] as const) {
        mkdirSync(join(host.root, `proc/${pid}/ns`), { recursive: true });
        symlinkSync(network, join(host.root, `proc/${pid}/ns/net`));
      }
    });
    afterEach(() => {
      bench.handler.stop?.();
      context.dispose();
      host.remove();
      assert.deepEqual(context.faults, []);
    });
    const start = async (options: Record<string, unknown> = {}) => {
      bench = await startHandler(plugin, context, options);
    };
    const file = (name: string) => join(host.root, 'run/systemd/machines', name);

    it('names a machine by its cgroup at once, and adds what machined notes of it later', async () => {
      host.write({ 'run/systemd/machines/': '' });
      await start();
      bench.watch(WEB);
      assert.deepEqual(bench.description(WEB), {
        aliases: ['web-1'],
        namespace: 'machined',
        kind: 'machine',
        labels: { 'systemd.unit': 'machine-web\\x2d1.scope' },
        envs: {},
        networkMode: 'none',
        state: { status: 'running' },
      });
      writeFileSync(file('web-1'), REGISTRATION);
      symlinkSync('web-1', file('unit:machine-web\\x2d1.scope'));
      await clock.advance(CHECK_MS);
      assert.deepEqual(bench.description(WEB), {
        aliases: ['web-1'],
        namespace: 'machined',
        kind: 'machine',
        labels: {
          'machined.class': 'container',
          'machined.service': 'systemd-nspawn',
          'systemd.unit': 'machine-web\\x2d1.scope',
        },
        envs: {},
        pid: 70,
        networkMode: 'own',
        state: { status: 'running', startedAt: 1_764_000_000_123_456 },
      });
      await clock.advance(10 * CHECK_MS);
      assert.equal(bench.reconsidered.get(WEB), 1, 'nothing changed since');
    });

    it('takes a unit that was registered as a machine, whatever its name, and leaves it when it is registered no more', async () => {
      host.write({ 'run/systemd/machines/': '' });
      await start();
      assert.equal(bench.watch('/system.slice/own.service').verdict, 'pass');
      writeFileSync(file('box'), 'NAME=box\nUNIT=own.service\n');
      await clock.advance(CHECK_MS);
      assert.deepEqual(bench.description('/system.slice/own.service')?.aliases, ['box']);
      rmSync(file('box'));
      await clock.advance(2 * CHECK_MS);
      assert.equal(bench.verdicts.get('/system.slice/own.service')?.verdict, 'pass');
    });

    it('gives a guest of libvirt the name on the command line of its QEMU', async () => {
      const unit = 'machine-qemu\\x2d3\\x2dshop\\x2dcut.scope';
      host.write({
        'run/systemd/machines/qemu-3-shop-cut': `NAME=qemu-3-shop-cut\nSCOPE="${unit.replaceAll('\\', '\\\\')}"\nSERVICE=libvirt-qemu\nLEADER=70\nCLASS=vm\n`,
        'proc/70/cmdline': '/usr/bin/qemu-system-x86_64\0-name\0guest=shop, cut,debug-threads=on\0-S\0'.replace(
          ', ',
          ',,',
        ),
      });
      await start();
      const path = `/machine.slice/${unit}`;
      bench.watch(path);
      assert.deepEqual(bench.description(path)?.aliases, ['shop,cut', 'qemu-3-shop-cut']);
      assert.equal(bench.description(path)?.networkMode, 'none');
      assert.equal(bench.description(path)?.labels['machined.class'], 'vm');
      assert.equal(bench.watch(`${path}/libvirt/emulator`).verdict, 'pass');
    });

    it('does without files that are none of machined’s: unreadable, huge, empty, without a unit', async () => {
      host.write({
        'run/systemd/machines/a/': '',
        'run/systemd/machines/b': '',
        'run/systemd/machines/c': `NAME=c\nSCOPE=c.scope\n#${'x'.repeat(100_000)}`,
        'run/systemd/machines/d': 'NAME=d\n',
        'run/systemd/machines/e': '\0\xff=\n"',
        'run/systemd/machines/f': '-> nowhere',
        'run/systemd/machines/g': 'NAME=g\nSCOPE=g.scope\nLEADER=no\nREALTIME=-1\n',
      });
      await start();
      assert.equal(bench.watch('/machine.slice/c.scope').verdict, 'pass');
      bench.watch('/machine.slice/g.scope');
      assert.deepEqual(bench.description('/machine.slice/g.scope')?.state, { status: 'running' });
    });

    it('leaves out what `include` and `exclude` say, by either name', async () => {
      await start({ include: ['web*', 'qemu-*'], exclude: ['shop'] });
      assert.equal(bench.watch(WEB).verdict, 'accept');
      assert.equal(bench.watch('/machine.slice/machine-db.scope').verdict, 'ignore');
      assert.equal(bench.watch('/machine.slice/machine-qemu\\x2d1\\x2dshop.scope').verdict, 'ignore');
      assert.equal(bench.watch('/machine.slice/libpod-1.scope').verdict, 'pass');
    });
  });
}

describe('names of machines', () => {
  it('come from the name of a scope or of an instance of systemd-nspawn@.service', () => {
    assert.deepEqual(machineOfUnit('machine-web.scope'), { name: 'web' });
    assert.deepEqual(machineOfUnit('systemd-nspawn@web\\x2d1.service'), { name: 'web-1' });
    const guest = { name: 'qemu-1-web', guest: 'web', driver: 'qemu' };
    assert.deepEqual(machineOfUnit('machine-qemu\\x2d1\\x2dweb.scope'), guest);
    assert.equal(machineOfUnit('machine.slice'), undefined);
    assert.equal(machineOfUnit('nginx.service'), undefined);
  });

  it('come from the cgroup where libvirt runs without systemd', () => {
    const guest = { name: 'qemu-3-web', guest: 'web', driver: 'qemu' };
    assert.deepEqual(machineWithoutSystemd('/machine/qemu-3-web.libvirt-qemu'), guest);
    assert.deepEqual(machineWithoutSystemd('/machine/web.libvirt-lxc'), { name: 'web', guest: 'web', driver: 'lxc' });
    assert.equal(machineWithoutSystemd('/machine/web.libvirt-qemu/vcpu0'), undefined);
  });

  it('on a command line may have any character', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (name) => {
        fc.pre(!name.includes('\0'));
        const command = `qemu\0-m\x001\0-name\0guest=${name.replaceAll(',', ',,')},debug-threads=on\0-S\0`;
        assert.equal(guestOfCommand(command), name);
      }),
    );
    assert.equal(guestOfCommand('qemu\0-S\0'), undefined);
  });
});

describe('what machined noted', () => {
  it('is read, or is nothing', () => {
    assert.deepEqual(parseRegistration(REGISTRATION), {
      name: 'web-1',
      unit: 'machine-web\\x2d1.scope',
      service: 'systemd-nspawn',
      class: 'container',
      leader: 70,
      startedAt: 1_764_000_000_123_456,
    });
    fc.assert(
      fc.property(fc.string(), (text) => {
        const read = parseRegistration(`${text}\nNAME=a\n${text}`);
        assert.ok(read === undefined || read.unit !== '');
      }),
    );
  });
});

import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { startHandler } from '../../../../test/support/handler-bench.js';
import { FakeClock, type HandlerBench, SimulatedHost, type TestContext, testContext } from '../../../testing/index.js';
import { lxcPath } from './cgroup-path.js';
import plugin, { hostnameIn } from './index.js';

const CHECK_MS = 2_000;

for (const version of [1, 2] as const) {
  describe(`the lxc handler on cgroup v${version}`, () => {
    let host: SimulatedHost;
    let clock: FakeClock;
    let context: TestContext;
    let bench: HandlerBench;

    beforeEach(async () => {
      host = new SimulatedHost(version);
      clock = new FakeClock();
      context = testContext({ id: 'lxc', clock, linux: host.linux });
      bench = await startHandler(plugin, context);
      process(1, { namespaces: '1', network: 'net:[1]' });
    });
    afterEach(() => {
      bench.handler.stop?.();
      context.dispose();
      host.remove();
      assert.deepEqual(context.faults, []);
    });

    /** A process with its pids in each of its pid namespaces, the innermost last. */
    function process(pid: number, { namespaces, network }: { namespaces: string; network: string }): void {
      host.write({ [`proc/${pid}/status`]: `Name:\tinit\nNSpid:\t${namespaces}\n`, [`proc/${pid}/stat`]: '' });
      mkdirSync(join(host.root, `proc/${pid}/ns`));
      symlinkSync(network, join(host.root, `proc/${pid}/ns/net`));
    }
    const pidsIn = (path: string, ...pids: number[]) =>
      host.writeCgroup(path, 'memory', { 'cgroup.procs': pids.map((pid) => `${pid}\n`).join('') });
    const freeze = (path: string, isFrozen: boolean) =>
      version === 2
        ? host.writeCgroup(path, 'memory', { 'cgroup.events': `populated 1\nfrozen ${Number(isFrozen)}\n` })
        : host.write({
            [`sys/fs/cgroup/freezer${path}/cgroup.procs`]: '',
            [`sys/fs/cgroup/freezer${path}/freezer.state`]: isFrozen ? 'FROZEN\n' : 'THAWED\n',
          });

    it('gives a container its name, its first process and its network', () => {
      process(40, { namespaces: '40\t7', network: 'net:[2]' });
      process(41, { namespaces: '41\t1', network: 'net:[2]' });
      process(42, { namespaces: '42\t9\t1', network: 'net:[3]' });
      pidsIn('/lxc.payload.web', 40);
      pidsIn('/lxc.payload.web/init.scope', 41, 42);
      bench.watch('/lxc.payload.web');
      assert.deepEqual(bench.description('/lxc.payload.web'), {
        id: 'web',
        aliases: ['web'],
        namespace: 'lxc',
        kind: 'machine',
        labels: {},
        envs: {},
        pid: 41,
        networkMode: 'own',
        state: { status: 'running' },
      });
      assert.equal(bench.watch('/lxc.payload.web/init.scope').verdict, 'pass');
    });

    it('follows a container that is frozen and thawed, and whose first process changes', async () => {
      pidsIn('/lxc/web');
      bench.watch('/lxc/web');
      assert.equal(bench.description('/lxc/web')?.pid, undefined);
      assert.equal(bench.description('/lxc/web')?.networkMode, 'none');
      process(50, { namespaces: '50\t1', network: 'net:[1]' });
      pidsIn('/lxc/web', 50);
      await clock.advance(CHECK_MS);
      assert.equal(bench.description('/lxc/web')?.pid, 50);
      assert.equal(bench.description('/lxc/web')?.networkMode, 'host');
      freeze('/lxc/web', true);
      await clock.advance(CHECK_MS);
      assert.equal(bench.description('/lxc/web')?.state.status, 'paused');
      freeze('/lxc/web', false);
      rmSync(join(host.root, 'proc/50'), { recursive: true });
      process(51, { namespaces: '51\t1', network: 'net:[1]' });
      pidsIn('/lxc/web', 51);
      await clock.advance(CHECK_MS);
      assert.deepEqual(bench.description('/lxc/web')?.state, { status: 'running' });
      assert.equal(bench.description('/lxc/web')?.pid, 51);
      const asked = bench.reconsidered.get('/lxc/web');
      await clock.advance(5 * CHECK_MS);
      assert.equal(bench.reconsidered.get('/lxc/web'), asked, 'nothing changed since');
      bench.handler.forget!('/lxc/web');
      freeze('/lxc/web', true);
      await clock.advance(CHECK_MS);
      assert.equal(bench.reconsidered.get('/lxc/web'), asked, 'it is gone');
    });

    it('compares interfaces where network namespaces cannot be read', () => {
      host.write({ 'proc/1/net/dev': 'a\nb\n  lo: 1\neth0: 2\n', 'proc/60/net/dev': 'a\nb\n  lo: 1\nveth1: 2\n' });
      host.write({ 'proc/60/status': 'NSpid:\t60\t1\n', 'proc/60/stat': '' });
      pidsIn('/lxc/quiet', 60);
      bench.watch('/lxc/quiet');
      assert.equal(bench.description('/lxc/quiet')?.networkMode, 'own');
    });
  });
}

describe('the lxc handler', () => {
  let host: SimulatedHost;
  let context: TestContext;

  beforeEach(() => {
    host = new SimulatedHost();
    context = testContext({ id: 'lxc', linux: host.linux });
  });
  afterEach(() => {
    context.dispose();
    host.remove();
  });

  it('gives a container of Proxmox the host name of its configuration, and one without its number', async () => {
    host.write({ 'etc/pve/lxc/101.conf': 'arch: amd64\nhostname: shop\n\n[before]\nhostname: old\n' });
    host.write({ 'etc/pve/lxc/103.conf/': '' });
    const bench = await startHandler(plugin, context);
    for (const id of ['101', '102', '103']) bench.watch(`/lxc/${id}`);
    const description = await bench.accepted('/lxc/101', ({ aliases }) => aliases.length === 2);
    assert.deepEqual(description.aliases, ['shop', '101']);
    for (const id of ['102', '103']) assert.deepEqual(bench.description(`/lxc/${id}`)?.aliases, [id]);
  });

  it('ignores the monitors, and what `include` and `exclude` leave out', async () => {
    const bench = await startHandler(plugin, context, { include: ['web*'], exclude: ['*-old'] });
    for (const path of [
      '/lxc.monitor.web',
      '/lxc.monitor',
      '/lxc.monitor/101',
      '/lxc.pivot',
      '/lxc/db',
      '/lxc/web-old',
    ]) {
      assert.equal(bench.watch(path).verdict, 'ignore', path);
    }
    assert.equal(bench.watch('/lxc/web-new').verdict, 'accept');
  });
});

describe('cgroup paths of LXC', () => {
  it('are recognised in each of their forms', () => {
    for (const [path, name] of [
      ['/lxc.payload.web', 'web'],
      ['/lxc.payload/web', 'web'],
      ['/lxc/101', '101'],
      ['/lxc.payload.shop_web', 'shop_web'],
      ['/user.slice/user-1000.slice/user@1000.service/user.slice/lxc-web-3.scope/lxc.payload.web', 'web'],
      ['/system.slice/incus.service/lxc.payload.web', 'web'],
    ] as const) {
      assert.deepEqual(lxcPath(path), { name }, path);
    }
    for (const path of [
      '/lxc',
      '/lxc.payload',
      '/lxc.payload.',
      '/lxc/101/ns',
      '/lxc.payload.a/lxc.payload.b',
      '/lxc.payload.a/system.slice/lxc.payload.b',
      '/lxcfs',
      '/docker/lxc.payload.a',
    ]) {
      assert.equal(lxcPath(path), undefined, path);
    }
  });

  it('never throw, and a name is the end of the path', () => {
    const part = fc.oneof(fc.string(), fc.constantFrom('lxc', 'lxc.payload.a', 'lxc.monitor.b', 'x.slice', 'ns'));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
        const path = `/${parts.join('/')}`;
        const found = lxcPath(path);
        if (found !== undefined && found !== 'helper') assert.ok(found.name !== '' && path.endsWith(found.name));
      }),
    );
  });
});

describe('the host name in a configuration of Proxmox', () => {
  it('is that of the running state, of letters, digits, dots and dashes', () => {
    assert.equal(hostnameIn('hostname: web.example\n'), 'web.example');
    assert.equal(hostnameIn('[old]\nhostname: web\n'), undefined);
    assert.equal(hostnameIn('hostname: a b\n'), undefined);
    assert.equal(hostnameIn(`hostname: ${'a'.repeat(1000)}\n`), undefined);
    fc.assert(
      fc.property(fc.string(), (text) => {
        const name = hostnameIn(text);
        assert.ok(name === undefined || /^[A-Za-z0-9.-]{1,253}$/.test(name));
      }),
    );
  });
});

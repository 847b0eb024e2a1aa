import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import * as esbuild from 'esbuild';
import { projectRoot } from '../project.js';
import { IMAGE } from '../support/containerd-engine.js';
import { needs } from '../support/needs.js';
import type { Comparison, ReportedKills, Verdict } from './cgroup-v2-verdict.js';

const work = mkdtempSync(join(tmpdir(), 'tallyman-test-v2-'));
after(() => rmSync(work, { recursive: true, force: true }));

/** Installs the built agent in the virtual machine, runs the guest's side of the test and brings its verdict back. */
async function askTheMachine(): Promise<Verdict> {
  const folder = join(work, 'agent');
  const output = join(work, 'output');
  execFileSync(process.execPath, [join(projectRoot, 'scripts/production-tree.mjs'), folder]);
  cpSync(join(projectRoot, 'test/service/guest'), join(folder, 'guest'), { recursive: true });
  cpSync(join(projectRoot, 'docs'), join(folder, 'docs'), { recursive: true });
  await esbuild.build({
    entryPoints: [join(projectRoot, '.test-build/test/support/cri-client.js')],
    outfile: join(folder, 'cri-client.mjs'),
    ...({ bundle: true, platform: 'node', format: 'esm' } as const),
  });
  const args = [join(projectRoot, 'test/vm/run.mjs'), '--timeout', '900', '--output', output, folder];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...args, 'node', 'guest/cgroup-v2.mjs'], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, `the virtual machine's side failed (${status}):\n${stdout}\n${stderr}`);
  return JSON.parse(readFileSync(join(output, 'verdict.json'), 'utf8')) as Verdict;
}

const outside = (numbers: readonly Comparison[]) =>
  numbers.filter(({ low, api, high }) => api === undefined || api < low || api > high);

/** Where containers are under the systemd driver, by name. */
const SCOPES: Readonly<Record<string, (id: string) => string>> = {
  'of-docker': (id) => `/system.slice/docker-${id}.scope`,
  'of-podman': (id) => `/machine.slice/libpod-${id}.scope`,
  'of-alice': (id) => `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${id}.scope`,
};

/** Events in an order of their own: those of two containers may come one way or the other. */
/** Without the ends of units that come and go by themselves, such as the service of a user's Podman. */
const eventsOf = ({ events }: ReportedKills) =>
  events
    .filter(({ container, type }) => type !== 'containerDeletion' || !container.startsWith('/'))
    .map(({ container, type, process, exitCode }) => [container, type, process ?? exitCode].join(' ').trim())
    .sort();

it('on a cgroup v2 host with systemd', { skip: needs('virtual machine', 'virtual machine image') }, async (t) => {
  const verdict = await askTheMachine();

  await t.test('numbers of limited systemd units are the kernel’s', () => {
    assert.deepEqual(outside(verdict.numbers), []);
    assert.ok(verdict.numbers.length > 60, `${verdict.numbers.length} numbers were compared`);
  });

  await t.test('the work of the units shows', () => {
    const value = (what: string) => Number(verdict.numbers.find((number) => number.what === what)?.api);
    assert.equal(value('tallyman-resting: memory.limit'), 64 * 1024 * 1024);
    assert.ok(value('tallyman-resting: cpu.usage.total') > 0);
    assert.ok(value('tallyman-resting: memory.usage') > 0);
    assert.ok(value('tallyman-busy: cpu.cfs.throttled_periods') > 0);
    // Otherwise nothing but zeros may have been compared.
    for (const what of ['memory.kernel', 'memory.hierarchical_data.numa_stats.anon.0', 'referenced_memory']) {
      for (const version of ['', 'v1.3 ', 'v2.1 ']) assert.ok(value(`tallyman-resting: ${version}${what}`) > 0, what);
    }
    const written = verdict.numbers.filter(({ what }) => /diskio\.io_service_bytes\..*\.Write$/.test(what));
    assert.ok(
      written.some(({ api }) => Number(api) >= 32 * 64 * 1024),
      'a unit wrote 2 MiB',
    );
  });

  for (const [name, scope] of Object.entries(SCOPES)) {
    await t.test(`the container ${name} in its scope has its names, limits and numbers`, () => {
      const { runtime, id, image, cgroup, reported, numbers } = verdict.containers.find((one) => one.name === name)!;
      assert.equal(cgroup, scope(id));
      const { labels, ...names } = reported;
      const expected = { path: cgroup, byId: [cgroup], aliases: [name, id], namespace: runtime, image };
      assert.deepEqual(names, expected);
      assert.equal(labels['com.acme.tier'], 'front');
      assert.deepEqual(outside(numbers), []);
      const value = (what: string) => Number(numbers.find((one) => one.what === `${name}: ${what}`)?.api);
      assert.equal(value('memory.limit'), 64 * 1024 * 1024);
      assert.deepEqual([value('cpu.quota'), value('processes.limit')], [25_000, 50]);
      assert.ok(value('cpu.psi.some.total') > 0, 'its quota held it up');
      if (name !== 'of-alice') assert.ok(value('network.eth0.rx_packets') >= 3, 'three answers to its ping');
    });
  }

  await t.test('a pod of containerd has its names, labels, image and states with the systemd driver', () => {
    const { ids, reported, status, cgroups, metrics } = verdict.pods;
    const uid = ids.pod;
    const scope = (id: string) => `${cgroups.pod}/cri-containerd-${id}.scope`;
    assert.equal(cgroups.app, scope(ids.app));
    const names = (name: string, id: string) => [`shop/web-0/${name}`, id, `k8s_${name}_web-0_shop_${uid}_0`];
    const image = status.image;
    const { labels, ...app } = reported.app;
    assert.deepEqual(app, { path: cgroups.app, aliases: names('app', ids.app), namespace: 'containerd', image });
    assert.deepEqual([image, labels], [IMAGE, { ...status.labels, app: 'web' }]);
    assert.deepEqual(
      [reported.sandbox.path, reported.sandbox.aliases],
      [scope(ids.sandbox), names('POD', ids.sandbox)],
    );
    assert.deepEqual([reported.pod.path, reported.pod.aliases], [cgroups.pod, ['shop/web-0', uid]]);
    assert.deepEqual(metrics, {
      'container_state shop/web-0': 'running',
      'container_state shop/web-0/POD': 'running',
      'container_state shop/web-0/app': 'running',
      'container_state shop/web-0/worker': 'exited',
      'container_exit_code shop/web-0/worker': '137',
      'container_state box': 'running',
    });
  });

  await t.test('limits and numbers of a pod and its container are the kernel’s', () => {
    const { numbers } = verdict.pods;
    assert.deepEqual(outside(numbers), []);
    const value = (what: string) => Number(numbers.find((one) => one.what === what)?.api);
    assert.deepEqual([value('app: memory.limit'), value('app: cpu.quota')], [64 * 1024 * 1024, 25_000]);
    assert.deepEqual([value('pod: memory.limit'), value('pod: processes.limit')], [96 * 1024 * 1024, 200]);
    assert.ok(value('app: memory.usage') > 0 && value('app: cpu.psi.some.total') > 0);
  });

  await t.test('a container of ctr in another namespace has its names', () => {
    const { reported, cgroups } = verdict.pods;
    assert.equal(cgroups.box, '/machine.slice/ctr-box.scope');
    const { labels, ...names } = reported.box;
    assert.deepEqual(names, {
      path: cgroups.box,
      aliases: ['box', 'c1', 'depot/c1'],
      namespace: 'containerd',
      image: IMAGE,
    });
    assert.equal(labels['containerd.namespace'], 'depot');
  });

  await t.test('machines of systemd-nspawn and machined have the names that machinectl shows', () => {
    const { listed, reported, shown } = verdict.machines;
    const byName = (name: string) => reported.find(({ aliases }) => aliases.includes(name))!;
    assert.deepEqual(listed, reported.map(({ aliases }) => aliases.at(-1)).sort());
    for (const { Name, Class, Service, Unit } of shown) {
      const { cgroup, labels } = byName(Name);
      assert.equal(cgroup, `/machine.slice/${Unit}`);
      assert.deepEqual(labels, { 'machined.class': Class, 'machined.service': Service, 'systemd.unit': Unit });
    }
    assert.deepEqual(byName('qemu-7-shop').aliases, ['shop', 'qemu-7-shop']);
    assert.equal(byName('qemu-7-shop').cgroup, '/machine.slice/machine-qemu\\x2d7\\x2dshop.scope');
    assert.deepEqual(
      ['box-1', 'served', 'qemu-7-shop'].map((name) => byName(name).hasNetwork),
      [true, true, false],
    );
  });

  await t.test('an agent that does not know a user’s Podman says so, and how to write it', () => {
    const finding = verdict.findings.find(({ id }) => id === 'podman-rootless');
    assert.match(finding?.what ?? '', /\/run\/user\/1000\/podman\/podman\.sock$/);
    assert.equal(finding?.mend, `plugins: [${verdict.podman}]`);
    assert.ok(verdict.findings.some(({ id }) => id === 'kernel-log'));
  });

  await t.test('the user’s drop-in lets the agent’s service in, and nobody else', () => {
    assert.deepEqual(verdict.letIn, ['tallyman']);
  });

  await t.test('OOM kills are reported for the right cgroups, with the kernel log and without it', () => {
    const { kernel, engine, reported } = verdict.oom;
    assert.equal(kernel, 1);
    assert.deepEqual(engine, { oomKilled: true, exitCode: 137 });
    assert.deepEqual(eventsOf(reported.agent), [
      'container containerDeletion 137',
      'container oom',
      'container oom',
      'container oomKill dd',
      'container oomKill dd',
      'slice oomKill dd',
      'unit oom',
    ]);
    const without = eventsOf(reported.blind);
    const OF_UNIT = ['slice oomKill', 'unit oom'];
    assert.deepEqual(
      without.filter((event) => !event.startsWith('container ')),
      OF_UNIT,
    );
    assert.ok(without.includes('container containerDeletion 137') && without.includes('container oom'), `${without}`);
    for (const { kills, metrics } of Object.values(reported)) {
      assert.equal(kills, kernel);
      assert.equal(metrics['container_oom_events_total unit'], kernel);
      assert.ok(metrics['container_oom_events_total container']! >= 1);
      assert.equal(metrics['container_oom_killed container'], 1);
    }
  });

  await t.test('units have the names, descriptions, states and restarts that systemctl shows', () => {
    const { units, ofUsers } = verdict.systemd;
    assert.ok(units.length > 10, `${units.length} units`);
    for (const { cgroup, aliases, unit, description, name, state, restarts, shown } of units) {
      assert.deepEqual({ unit, cgroup }, { unit: shown.Id, cgroup: shown.ControlGroup });
      assert.equal(aliases[0], unit);
      // systemctl does not print descriptions of several lines.
      if (shown.Description !== '[unprintable]') assert.equal(description ?? unit, shown.Description, unit);
      assert.equal(name, '', 'to cAdvisor’s dashboards it is a plain cgroup');
      assert.equal(state, shown.ActiveState === 'failed' ? 'exited' : 'running', unit);
      if (unit.endsWith('.service')) assert.equal(restarts, Number(shown.NRestarts), unit);
    }
    const of = (unit: string) => units.find((one) => one.unit === unit)!;
    assert.equal(of('tallyman-restarting.service').restarts, 2);
    assert.deepEqual(of('tallyman-escaped\\x2dname.service').aliases, [
      'tallyman-escaped\\x2dname.service',
      'tallyman-escaped-name.service',
      'tallyman-escaped\\x2dname',
    ]);
    assert.equal(of('tallyman-escaped\\x2dname.service').description, 'Grüße');
    assert.ok(ofUsers.includes('user@1000.service/init.scope'), `${ofUsers}`);
  });

  await t.test('every cgroup is known, and none that does not exist', () => {
    const { missing, unknown, found, monitors } = verdict.tree;
    assert.deepEqual({ missing, unknown }, { missing: [], unknown: [] });
    assert.ok(found > 10);
    assert.equal(monitors, 2);
  });

  await t.test(
    'a container of a pod that was killed is reported as restarted, and its second attempt as OOM-killed',
    () => {
      const { again, reported, status } = verdict.containerd.memory;
      assert.deepEqual([again.state, again.restarts_total], ['running', 1]);
      assert.deepEqual([status.reason, status.exitCode], ['OOMKilled', 137]);
      const { state, exit_code, oom_killed, restarts_total, reason, finished_time_seconds } = reported.worker;
      assert.deepEqual([state, exit_code, oom_killed, restarts_total], ['exited', status.exitCode, 1, 1]);
      assert.deepEqual([reason, finished_time_seconds], [status.reason, status.finished]);
    },
  );

  await t.test('a container of ctr is reported as OOM-killed', () => {
    const { reported, task } = verdict.containerd.memory;
    const { state, exit_code, oom_killed } = reported.eater;
    assert.deepEqual([state, exit_code, oom_killed, task], ['exited', 137, 1, 'STOPPED']);
  });

  await t.test('containerd killed costs no sample and no name, and what ended meanwhile is reported', () => {
    const { aliases, reported, status, task, gapsMs } = verdict.containerd.daemon;
    assert.deepEqual(aliases, { whileDead: 'shop/web-0/POD', later: 'shop/web-0/later' });
    assert.deepEqual(
      [reported.app.state, reported.app.exit_code, reported.app.finished_time_seconds, reported.app.reason],
      ['exited', status.exitCode, status.finished, status.reason],
    );
    assert.deepEqual([status.exitCode, status.reason], [137, 'Error']);
    assert.deepEqual([reported.box.state, reported.box.exit_code, task], ['exited', 137, 'STOPPED']);
    // Samples are due every four seconds; a busy machine takes them late.
    assert.ok(gapsMs.length > 1 && Math.max(...gapsMs) < 3 * 4000, `${gapsMs}`);
  });

  await t.test('why names the trouble of units and containers first, and none of it for healthy ones', () => {
    const { named, healthy } = verdict.why;
    const first = Object.fromEntries(Object.entries(named).map(([unit, rules]) => [unit, rules[0]]));
    assert.deepEqual(first, {
      'tallyman-busy.service': 'cpu-throttled',
      'tallyman-thrashing.service': 'memory-reclaim',
      'tallyman-full.service': 'pids-near-limit',
      'tallyman-looping.service': 'restart-loop',
      'tallyman-filling.service': 'disk-filling',
      'small-mtu': 'network-errors',
      'tallyman-hungry.service': 'oom-killed',
    });
    for (const [rule, { found, lookedAt }] of Object.entries(healthy)) {
      assert.ok(!found.includes(rule), rule);
      // Nothing limits the CPU of the healthy one.
      if (rule !== 'cpu-throttled') assert.ok(lookedAt.includes(rule), rule);
    }
  });

  await t.test('capsules are written after a kill, an OOM kill and the end of the engine', () => {
    const { 'of-docker': killed, hungry, orphan } = verdict.capsules;
    assert.ok(killed!.includes('exit'), `${killed}`);
    assert.ok(hungry!.includes('oom'), `${hungry}`);
    assert.ok(
      orphan!.some((kind) => kind === 'exit' || kind === 'ended-unseen'),
      `${orphan}`,
    );
  });

  await t.test('capsules are whole after the agent was killed while it wrote', () => {
    const { files, cut, listed } = verdict.afterKill;
    assert.ok(files.length > 0);
    assert.deepEqual({ cut, listed }, { cut: [], listed: files });
  });

  await t.test('the machine is the guest, and the agent ends by itself', () => {
    assert.equal(verdict.machine.num_cores, 2);
    assert.ok(verdict.machine.memory_capacity > 1024 ** 3 && verdict.machine.memory_capacity <= 2 * 1024 ** 3);
    assert.equal(verdict.end, 0);
  });
});

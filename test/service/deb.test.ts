import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { projectRoot } from '../project.js';
import { needs } from '../support/needs.js';

/** What `systemctl show` said. */
interface UnitState {
  readonly ActiveState: string;
  readonly Result: string;
  readonly StatusText: string;
  readonly NRestarts: string;
  readonly UnitFileState: string;
  readonly ExecMainStatus: string;
  /** s from the start of the process to its readiness. */
  readonly readyAfter: number;
}

interface Outcome {
  readonly status: number;
  readonly output: string;
}

interface Rights {
  readonly user: string;
  readonly groups: readonly string[];
  readonly capEff: number;
  readonly noNewPrivileges: string;
  readonly seccomp: string;
}

/** What test/service/guest/service.mjs saw in the virtual machine, station by station. */
interface Verdict {
  readonly installed: Outcome & UnitState & { readonly unsampled: string[]; readonly rights: Rights };
  readonly security: { readonly exposure: number; readonly verify: Outcome; readonly dropIns: string[] };
  readonly numbers: readonly { what: string; low: number | string; api?: number | string; high: number | string }[];
  readonly container: {
    readonly name: string;
    readonly id: string;
    readonly spec: { readonly namespace: string; readonly image: string };
    readonly cgroupExists: boolean;
  };
  readonly machine: { readonly filesystems: readonly { readonly device: string; readonly capacity: number }[] };
  readonly engines: readonly { readonly endpoint: string; readonly version?: string }[];
  readonly reloaded: Outcome & UnitState & { readonly samePid: boolean };
  readonly status: Outcome;
  readonly 'installed again': Outcome;
  readonly journal: { readonly found: string[]; readonly unparsed: string[] };
  readonly watchdog: UnitState & {
    readonly isAnother: boolean;
    readonly journal: string;
    readonly unsampled: string[];
  };
  readonly misconfigured: UnitState;
  readonly 'activated by the socket': { readonly answer: number };
  readonly upgraded: UnitState;
  readonly stopped: Outcome & UnitState;
  readonly purged: Outcome;
  readonly gone: { readonly leftovers: string[]; readonly user: number; readonly units: string };
}

const work = mkdtempSync(join(tmpdir(), 'tallyman-test-deb-'));
after(() => rmSync(work, { recursive: true, force: true }));

const execute = promisify(execFile);

/** A copy of Node below a folder of its own, without a licence. */
function copyOfNode(name: string): string {
  const node = join(work, name, 'bin/node');
  mkdirSync(dirname(node), { recursive: true });
  copyFileSync(process.execPath, node);
  return node;
}

/** Builds a package and gives its path. */
async function build(folder: string, flags: string, circumstances = ':', node = process.execPath): Promise<string> {
  const output = join(work, folder);
  const script = `${circumstances}; exec "$0" scripts/package-deb.mjs ${flags} --output '${output}'`;
  const env = { ...process.env, SOURCE_DATE_EPOCH: '1700000000' };
  const options = { cwd: projectRoot, env, encoding: 'utf8' } as const;
  return (await execute('sh', ['-c', script, node], options)).stdout.trim();
}

const field = (deb: string, name: string) =>
  execFileSync('dpkg-deb', ['--field', deb, name], { encoding: 'utf8' }).trim();
const names = (deb: string) =>
  execFileSync('sh', ['-c', 'dpkg-deb --fsys-tarfile "$0" | tar -t', deb], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  }).split('\n');

/** Its parts as `ar` lists them, with times and owners, and the two trees in it, unpacked from whatever packs them, as their digests. */
function partsOf(deb: string): { readonly parts: string[]; readonly trees: string[] } {
  const trees = ['--ctrl-tarfile', '--fsys-tarfile'].map((tree) =>
    execFileSync('sh', ['-c', `dpkg-deb ${tree} "$0" | sha256sum`, deb], { encoding: 'utf8' }),
  );
  const bytes = readFileSync(deb);
  const parts: string[] = [];
  for (let at = '!<arch>\n'.length; at < bytes.length; ) {
    const header = bytes.toString('latin1', at, at + 60);
    const size = Number(header.slice(48, 58));
    parts.push(header.slice(0, 48).trim().replaceAll(/ +/g, ' '));
    at += 60 + size + (size % 2);
  }
  return { parts, trees };
}

async function isReproducible(): Promise<void> {
  // What xz makes of the tree does not depend on who builds, at any level; the usual one takes 15 s more.
  const first = await build('first', '--node system --level 0');
  const circumstances = `umask 077; export TZ=Asia/Tokyo LC_ALL=C TMPDIR='${work}'`;
  const second = await build('second', '--node system --quick', circumstances);
  assert.equal(basename(first), `tallyman_${field(first, 'Version')}_all.deb`);
  assert.match(field(first, 'Depends'), /^nodejs \(>= 20\.19\), systemd/);
  assert.ok(!names(first).includes('./usr/lib/tallyman/node'));
  const [usual, quick] = [partsOf(first), partsOf(second)];
  const packedBy = (suffix: string) =>
    ['debian-binary', `control.tar.${suffix}`, `data.tar.${suffix}`].map((part) => `${part} 1700000000 0 0 100644`);
  assert.deepEqual([usual.parts, quick.parts], [packedBy('xz'), packedBy('gz')]);
  assert.deepEqual(usual.trees, quick.trees, 'two builds differ');
}

async function asksForTheLicence(): Promise<void> {
  const scratch = join(work, 'scratch');
  mkdirSync(scratch);
  const building = build('without', '--quick', `export TMPDIR='${scratch}'`, copyOfNode('without-licence'));
  await assert.rejects(building, /^package-deb: there is no LICENSE of \S+ in \S+: name the file with --licence /m);
  assert.deepEqual(readdirSync(scratch), [], 'left behind');
}

/** Installs the package in the virtual machine, runs the guest's side of the test and brings its verdict back. */
async function askTheMachine(deb: string): Promise<Verdict> {
  const folder = join(work, 'job');
  const output = join(work, 'output');
  cpSync(deb, join(folder, basename(deb)));
  cpSync(join(projectRoot, 'test/service/guest'), join(folder, 'guest'), { recursive: true });
  cpSync(join(projectRoot, 'docs'), join(folder, 'docs'), { recursive: true });
  const args = [join(projectRoot, 'test/vm/run.mjs'), '--timeout', '900', '--output', output, folder];
  const guest = execute(process.execPath, [...args, 'node', 'guest/service.mjs']);
  await guest.catch(({ code, stdout, stderr }) =>
    assert.fail(`the virtual machine's side failed (${code}):\n${stdout}\n${stderr}`),
  );
  return JSON.parse(readFileSync(join(output, 'verdict.json'), 'utf8')) as Verdict;
}

async function livesUnderSystemd(t: TestContext): Promise<void> {
  // Unpacking xz would take the emulated machine half a minute.
  // As Fedora and Arch Linux have it.
  const node = copyOfNode('distribution');
  const licences = join(work, 'distribution/share/licenses/nodejs20');
  mkdirSync(licences, { recursive: true });
  writeFileSync(join(licences, 'LICENSE'), 'Node.js is licensed for use as follows:\n');
  const deb = await build('bundled', '--quick', ':', node);

  await t.test('brings all that a host needs', () => {
    const found = names(deb);
    for (const path of [
      'etc/tallyman/tallyman.yaml',
      'usr/bin/tallyman',
      'usr/lib/systemd/system/tallyman.service',
      'usr/lib/systemd/system/tallyman.socket',
      'usr/lib/sysusers.d/tallyman.conf',
      'usr/lib/tallyman/node',
      'usr/share/bash-completion/completions/tallyman',
      'usr/share/doc/tallyman/LICENSE.node',
      'usr/share/doc/tallyman/copyright',
      'usr/share/fish/vendor_completions.d/tallyman.fish',
      'usr/share/man/man1/tallyman.1.gz',
      'usr/share/zsh/vendor-completions/_tallyman',
    ]) {
      assert.ok(found.includes(`./${path}`), path);
    }
    assert.doesNotMatch(field(deb, 'Depends'), /nodejs/);
  });

  const seen = await askTheMachine(deb);

  await t.test('installs, and starts a service that has a sample of every container once it is ready', () => {
    const { status, output, ActiveState, UnitFileState, StatusText, unsampled } = seen.installed;
    assert.equal(status, 0, output);
    assert.deepEqual([ActiveState, UnitFileState, unsampled], ['active', 'enabled', []]);
    assert.match(StatusText, /^Sampling \d+ containers, serving http:\/\/127\.0\.0\.1:8080$/);
  });

  await t.test('runs it as a user of its own with two capabilities, in a sandbox', () => {
    const { user, groups, capEff, noNewPrivileges, seccomp } = seen.installed.rights;
    const [readAll, kernelLog] = [2 ** 2, 2 ** 34];
    assert.deepEqual({ user, groups: [...groups].sort() }, { user: 'tallyman', groups: ['docker', 'tallyman'] });
    assert.equal(capEff, readAll + kernelLog);
    assert.deepEqual([noNewPrivileges, seccomp], ['1', '2']);
    assert.deepEqual(seen.security.dropIns, ['disk.conf', 'docker.conf', 'kernel-log.conf']);
    assert.deepEqual(seen.security.verify, { status: 0, output: '' });
    assert.ok(seen.security.exposure <= 2.5, `exposure ${seen.security.exposure}`);
  });

  await t.test('serves the kernel’s numbers of a Docker container', () => {
    const wrong = seen.numbers.filter(({ low, api, high }) => api === undefined || api < low || api > high);
    assert.deepEqual(wrong, []);
    assert.ok(seen.numbers.length > 20, `${seen.numbers.length} numbers were compared`);
    const { name, id, spec, cgroupExists } = seen.container;
    assert.deepEqual([name, cgroupExists], [`/system.slice/docker-${id}.scope`, true]);
    assert.deepEqual([spec.namespace, spec.image], ['docker', 'busybox']);
    const devices = seen.machine.filesystems.map(({ device }) => device);
    assert.ok(devices.includes('/dev/vda'));
    assert.ok(
      !devices.includes('/tmp') && !devices.includes('/dev'),
      'the sandbox’s own mounts are none of the host’s',
    );
  });

  await t.test('speaks with the Podman of root, as the documentation says', () => {
    assert.deepEqual(
      seen.engines.filter(({ version }) => version !== undefined).map(({ endpoint }) => endpoint),
      ['unix:///var/run/docker.sock', 'unix:///run/podman/podman.sock'],
    );
  });

  await t.test('is ready soon after each start', () => {
    const times = (['installed', 'watchdog'] as const).map((station) => seen[station].readyAfter);
    t.diagnostic(`ready ${times.join(' s and ')} s after its start`);
    assert.ok(
      times.every((seconds) => seconds > 0 && seconds < 300),
      `${times}`,
    );
  });

  await t.test('reloads without another process, and says how it is', () => {
    assert.equal(seen.reloaded.status, 0, seen.reloaded.output);
    assert.deepEqual([seen.reloaded.samePid, seen.reloaded.ActiveState], [true, 'active']);
    assert.equal(seen.status.status, 0);
    assert.match(seen.status.output, /^state +active \(running\)/);
    assert.doesNotMatch(seen['installed again'].output, /^done/m);
  });

  await t.test('logs with the priorities of the journal', () => {
    assert.ok(seen.journal.found.includes('6'), `${seen.journal.found}`);
    assert.deepEqual(seen.journal.unparsed, []);
  });

  await t.test('is restarted by the watchdog when it takes no samples', () => {
    const { isAnother, NRestarts, ActiveState, journal, unsampled } = seen.watchdog;
    assert.deepEqual([isAnother, ActiveState, unsampled], [true, 'active', []]);
    assert.ok(Number(NRestarts) > 0);
    assert.match(journal, /Watchdog timeout/);
  });

  await t.test('is not tried again with a configuration that is wrong', () => {
    const { ActiveState, ExecMainStatus, NRestarts } = seen.misconfigured;
    assert.deepEqual([ActiveState, ExecMainStatus, NRestarts], ['failed', '78', '0']);
  });

  await t.test('is started by the first request when systemd holds the address', () => {
    assert.equal(seen['activated by the socket'].answer, 200);
  });

  await t.test('stays disabled over an upgrade, stops clean, and leaves nothing when it is purged', () => {
    assert.equal(seen.upgraded.UnitFileState, 'disabled');
    assert.deepEqual([seen.stopped.status, seen.stopped.ActiveState, seen.stopped.Result], [0, 'inactive', 'success']);
    assert.equal(seen.purged.status, 0, seen.purged.output);
    assert.deepEqual(seen.gone.leftovers, []);
    assert.equal(seen.gone.user, 2);
    assert.match(seen.gone.units, /0 unit files/);
  });
}

// Side by side: the machine waits for watchdogs and quotas much of its time.
describe('the Debian package', { concurrency: true, skip: needs('dpkg-deb') }, () => {
  it(
    'with Node included runs under systemd',
    { skip: needs('virtual machine', 'virtual machine image') },
    livesUnderSystemd,
  );
  it('fails without the licence of Node, and leaves nothing behind', asksForTheLicence);
  it('for hosts with Node is reproducible', isReproducible);
});

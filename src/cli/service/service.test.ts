import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { builtinPlugins } from '../../plugins/builtins.js';
import { changeService, showService } from '../commands/service.js';
import type { CliEnvironment } from '../environment.js';
import { packageFolder } from '../version.js';
import { GRANTS } from './grants.js';
import { type Outcome, ServiceHost } from './host.js';

const UNIT = '/etc/systemd/system/tallyman.service';

/** A host in a folder, whose system programs are played. */
class PlayedHost extends ServiceHost {
  override readonly isRoot: boolean = true;
  readonly ran: string[] = [];
  readonly names = new Set(['group docker']);
  readonly unit = { enabled: false, active: false };
  shown = '';
  failing = '';
  blocked: string | undefined;

  /** The clone under test may be in a user's home. */
  override obstacle(): string | undefined {
    return this.blocked;
  }

  override run(program: string, ...args: string[]): Outcome {
    const [verb = '', second = ''] = args;
    if (program === 'getent') return { status: this.names.has(`${verb} ${second}`) ? 0 : 2, output: '' };
    if (verb === 'is-enabled') return { status: 0, output: this.unit.enabled ? 'enabled' : 'disabled' };
    if (verb === 'is-active') return { status: 0, output: this.unit.active ? 'active' : 'inactive' };
    if (verb === 'show') return { status: 0, output: this.shown };
    const line = [program, ...args.map((arg) => arg.replace(packageFolder(), 'PACKAGE'))].join(' ');
    this.ran.push(line);
    if (line.startsWith(this.failing) && this.failing !== '') return { status: 1, output: 'no such thing' };
    if (program === 'systemd-sysusers') this.names.add('passwd tallyman');
    if (program === 'userdel') this.names.delete('passwd tallyman');
    if (verb === 'enable' || verb === 'disable') this.unit.enabled = verb === 'enable';
    if (verb === 'start' || verb === 'restart') this.unit.active = true;
    return { status: 0, output: '' };
  }
}

function fixture(t: TestContext, files: Record<string, string> = {}) {
  const root = mkdtempSync(join(tmpdir(), 'tallyman-test-service-'));
  t.after(() => rmSync(root, { recursive: true }));
  const host = new PlayedHost(root);
  const put = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  mkdirSync(join(root, 'run/systemd/system'), { recursive: true });
  for (const [path, text] of Object.entries(files)) put(path, text);
  let said = '';
  const cli: CliEnvironment = {
    env: {},
    systemDirectory: join(root, 'etc/tallyman'),
    out: (text) => {
      said += text;
    },
    error: () => {},
    notice: () => true,
  };
  type Change = (
    ...args: [Parameters<typeof changeService>[0], Parameters<typeof changeService>[1]?]
  ) => Promise<string>;
  const change: Change = async (action, flags = {}) => {
    said = '';
    assert.equal(await changeService(action, flags, cli, host), 0);
    return said;
  };
  const read = (path: string) => readFileSync(join(root, path), 'utf8');
  const tree = () =>
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join('/', entry.parentPath.slice(root.length), entry.name))
      .sort();
  const status = () => {
    said = '';
    return { status: showService(cli, host), text: said };
  };
  return { root, host, put, change, read, tree, status };
}

const INSTALLED = [
  '/etc/systemd/system/tallyman.service',
  '/etc/systemd/system/tallyman.service.d/disk.conf',
  '/etc/systemd/system/tallyman.service.d/docker.conf',
  '/etc/systemd/system/tallyman.service.d/kernel-log.conf',
  '/etc/systemd/system/tallyman.socket',
  '/etc/tallyman/tallyman.yaml',
];

describe('service install', () => {
  it('creates user, configuration, units and drop-ins, and starts the service', async (t) => {
    const { host, change, read, tree } = fixture(t);
    await change('install');
    assert.deepEqual(tree(), INSTALLED);
    assert.deepEqual(host.ran, [
      'systemd-sysusers PACKAGE/config/systemd/tallyman.sysusers',
      'systemctl daemon-reload',
      'systemctl enable tallyman.service',
      'systemctl start tallyman.service',
    ]);
    const main = join(packageFolder(), 'dist/cli/main.js');
    assert.ok(read(UNIT).includes(`\nExecStart=${process.execPath} ${main}\n`));
  });

  it('changes nothing the second time', async (t) => {
    const { host, change } = fixture(t);
    await change('install');
    host.ran.length = 0;
    const said = await change('install');
    assert.deepEqual(host.ran, []);
    assert.match(said, /^(unchanged .*\n)+$/);
  });

  it('replaces the unit of another version, restarts the service and keeps files of the administrator', async (t) => {
    const own = { '/etc/tallyman/config.yaml': 'plugins: [{ use: docker, enabled: false }]\n' };
    const dropIn = `${UNIT}.d/override.conf`;
    const { host, change, tree, put } = fixture(t, { ...own, [dropIn]: '[Service]\n' });
    await change('install');
    put(UNIT, '[Service]\nExecStart=/old\n');
    host.ran.length = 0;
    await change('install');
    assert.deepEqual(host.ran, ['systemctl daemon-reload', 'systemctl restart tallyman.service']);
    assert.ok(tree().includes(dropIn));
    assert.ok(!tree().includes('/etc/tallyman/tallyman.yaml'));
  });

  it('prints the steps of a dry run, also without root', async (t) => {
    const { host, change, tree } = fixture(t);
    Object.assign(host, { isRoot: false });
    const said = await change('install', { dryRun: true });
    assert.deepEqual(tree(), []);
    assert.deepEqual(host.ran, []);
    for (const path of INSTALLED) assert.ok(said.includes(`would     write ${path}\n`), path);
    assert.match(said, /would {5}systemctl start tallyman.service\n/);
    await assert.rejects(change('install'), /which only root may do/);
  });

  it('does not change the unit of a package, and does not start the service where systemd is not running', async (t) => {
    const { root, host, change, tree } = fixture(t, { '/usr/lib/systemd/system/tallyman.service': 'x' });
    rmSync(join(root, 'run'), { recursive: true });
    await change('install');
    assert.ok(!tree().includes(UNIT));
    assert.deepEqual(host.ran.slice(1), ['systemctl enable tallyman.service']);
  });

  it('stops at a command that fails, with its output', async (t) => {
    const { host, change } = fixture(t);
    host.failing = 'systemctl enable';
    await assert.rejects(change('install'), /systemctl enable tallyman.service failed with status 1: no such thing/);
  });

  it('rejects a program that the service’s user cannot read', async (t) => {
    const { root, host, change, tree, put } = fixture(t);
    host.blocked = '/root';
    await assert.rejects(change('install'), /other users may not read \/root/);
    assert.deepEqual(tree(), []);
    put('/home/me/main.js', '');
    chmodSync(root, 0o755);
    const find = (mode: number) => {
      chmodSync(join(root, 'home/me'), mode);
      return new ServiceHost('/').obstacle(join(root, 'home/me/main.js'));
    };
    assert.equal(find(0o700), join(root, 'home/me'));
    assert.equal(find(0o711), undefined);
  });

  it('rejects a configuration in another place', async (t) => {
    const { change } = fixture(t);
    await assert.rejects(change('install', { config: 'mine.yaml' }), /from \/etc\/tallyman, not from --config/);
  });
});

describe('service privileges', () => {
  it('follow the enabled plugins', async (t) => {
    const config = '/etc/tallyman/tallyman.yaml';
    const { host, change, tree, put } = fixture(t, { [config]: '' });
    await change('install');
    put(config, 'plugins: [{ use: docker, enabled: false }, { use: process }]\n');
    host.ran.length = 0;
    assert.match(await change('privileges'), /systemctl restart/);
    const dropIns = tree().filter((path) => path.startsWith(`${UNIT}.d/`));
    assert.deepEqual(dropIns, [`${UNIT}.d/kernel-log.conf`, `${UNIT}.d/process.conf`]);
    assert.deepEqual(host.ran, ['systemctl daemon-reload']);
  });

  it('omit groups that do not exist', async (t) => {
    const { host, change, tree } = fixture(t);
    host.names.clear();
    assert.match(await change('install'), /docker.conf is left out: the group docker does not exist/);
    assert.ok(!tree().includes(`${UNIT}.d/docker.conf`));
  });

  it('consist of drop-ins of the package', () => {
    const folder = join(packageFolder(), 'config/systemd/tallyman.service.d');
    assert.deepEqual(readdirSync(folder).sort(), GRANTS.map(({ file }) => file).sort());
  });

  it('keep drop-ins that were copied by hand until uninstall', async (t) => {
    const manualDropIn = `${UNIT}.d/app-metrics.conf`;
    const { change, tree } = fixture(t, { [manualDropIn]: '[Service]\n' });
    await change('install');
    assert.ok(tree().includes(manualDropIn));
    await change('uninstall');
    assert.deepEqual(tree(), []);
  });

  it('are documented for every plugin and every drop-in', () => {
    const page = readFileSync(join(packageFolder(), 'docs/privileges.md'), 'utf8');
    const cells = page.split('\n').filter((line) => line.startsWith('| ') && line.split('|').length === 6);
    const named = (column: number) =>
      cells.flatMap((line) => [...line.split('|')[column]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!));
    assert.deepEqual(
      Object.keys(builtinPlugins).filter((name) => !named(1).includes(name)),
      [],
    );
    assert.deepEqual(
      GRANTS.map(({ file }) => file).filter((file) => !named(3).includes(file)),
      [],
    );
  });
});

describe('service uninstall', () => {
  it('removes everything that install created, and nothing the second time', async (t) => {
    const { host, change, tree } = fixture(t, { '/var/lib/tallyman/state': 'x' });
    await change('install');
    host.ran.length = 0;
    await change('uninstall');
    assert.deepEqual(tree(), []);
    assert.deepEqual(host.ran, [
      'systemctl disable --now tallyman.service tallyman.socket',
      'systemctl daemon-reload',
      'userdel tallyman',
    ]);
    host.ran.length = 0;
    assert.match(await change('uninstall'), /^(unchanged .*\n)+$/);
    assert.deepEqual(host.ran, []);
  });

  it('keeps a changed configuration and foreign drop-ins, unless asked to purge', async (t) => {
    const { change, tree, put } = fixture(t);
    await change('install');
    put('/etc/tallyman/tallyman.yaml', 'log: { level: debug }\n');
    put(`${UNIT}.d/override.conf`, '[Service]\n');
    assert.match(await change('uninstall'), /\/etc\/tallyman is kept/);
    assert.deepEqual(tree(), [`${UNIT}.d/override.conf`, '/etc/tallyman/tallyman.yaml']);
    await change('uninstall', { purge: true });
    assert.deepEqual(tree(), [`${UNIT}.d/override.conf`]);
  });

  it('is refused when the unit belongs to a package', async (t) => {
    const { change } = fixture(t, { '/usr/lib/systemd/system/tallyman.service': 'x' });
    await assert.rejects(change('uninstall'), /belongs to a package/);
  });
});

describe('service status', () => {
  const SHOWN = `LoadState=loaded
ActiveState=active
SubState=running
ActiveEnterTimestamp=Tue 2026-11-24 15:19:15 UTC
UnitFileState=enabled
FragmentPath=${UNIT}
DropInPaths=${UNIT}.d/docker.conf ${UNIT}.d/kernel-log.conf
StatusText=Sampling 11 containers, serving http://127.0.0.1:8080
Result=success
NRestarts=2
MainPID=102
MemoryCurrent=66060288
CPUUsageNSec=750000000`;

  it('prints the state of the service and returns it as the exit status', async (t) => {
    const { host, change, status } = fixture(t);
    assert.equal(status().status, 4);
    await change('install');
    host.shown = SHOWN;
    assert.deepEqual(status(), {
      status: 0,
      text: `state        active (running) since Tue 2026-11-24 15:19:15 UTC; starts at boot
says         Sampling 11 containers, serving http://127.0.0.1:8080
process      102, 63.0 MiB of memory, 0.8 s of CPU
restarts     2, by systemd after a failure
unit         ${UNIT}
drop-ins     ${UNIT}.d/docker.conf
             ${UNIT}.d/kernel-log.conf
config       /etc/tallyman/tallyman.yaml
`,
    });
    host.shown = SHOWN.replace('=active', '=failed')
      .replace('=success', '=watchdog')
      .replace(/MemoryCurrent.*/, '');
    assert.equal(status().status, 3);
    assert.match(status().text, /^state {8}failed \(running\), after watchdog; starts at boot\n/);
  });

  it('reports a unit of another version', async (t) => {
    const { host, put, status } = fixture(t);
    put(UNIT, 'other');
    host.shown = SHOWN;
    assert.match(status().text, /differs from that of this version: `tallyman service install` updates it/);
  });
});

// Runs in the virtual machine, with the Debian package in the working directory: lives through the package's life under
// systemd, and writes to /output/verdict.json what was seen at each station.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { admitToPodman } from './documented.mjs';
import { AGENT, ask, CGROUPS, compareSpec, compareStats, get, until } from './numbers.mjs';

const SERVICE = 'tallyman.service';
const PROPERTIES =
  'ActiveState,Result,StatusText,MainPID,NRestarts,UnitFileState,User,ControlGroup,ExecMainStatus,InactiveExitTimestampMonotonic,ActiveEnterTimestampMonotonic';
const verdict = {};

function run(program, ...args) {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return { status, output: `${stdout}${stderr}`.trim() };
}

function state(unit = SERVICE) {
  const { output } = run('systemctl', 'show', unit, `--property=${PROPERTIES}`);
  const all = Object.fromEntries(output.split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2)));
  // From the start of the process until it said that it is ready.
  const readyAfter = (all.ActiveEnterTimestampMonotonic - all.InactiveExitTimestampMonotonic) / 1e6;
  return { ...all, readyAfter };
}

const station = (name, seen) => {
  verdict[name] = seen;
  console.log(`${Math.round(process.uptime())} s, ${name}: ${JSON.stringify(seen).slice(0, 400)}`);
};

/** Containers that have no sample yet: at the moment of readiness there must be none. */
async function unsampled() {
  const answer = await get('/api/v2.0/stats/?type=name&recursive=true&count=1');
  return Object.keys(answer).filter((name) => answer[name].length === 0);
}

/** What the process may do, as the kernel says. */
function rights(pid) {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(text)?.[1];
  const namesOf = (ids) =>
    ids
      .split(/\s+/)
      .filter(Boolean)
      .map((id) => run('getent', 'group', id).output.split(':')[0]);
  return {
    user: run('id', '-nu', field('Uid').split('\t')[0]).output,
    groups: namesOf(field('Groups')),
    capabilities: run('capsh', `--decode=${field('CapEff')}`).output || field('CapEff'),
    capEff: Number.parseInt(field('CapEff'), 16),
    noNewPrivileges: field('NoNewPrivs'),
    seccomp: field('Seccomp'),
  };
}

/** Priorities of the journal's lines of the service, and how many lines there are of each. */
function priorities() {
  const { output } = run('journalctl', '-u', SERVICE, '-o', 'json', '--output-fields=PRIORITY,MESSAGE,_TRANSPORT');
  const entries = output.split('\n').map((line) => JSON.parse(line));
  const own = entries.filter(({ _TRANSPORT }) => _TRANSPORT === 'stdout');
  return {
    found: [...new Set(own.map(({ PRIORITY }) => PRIORITY))].sort(),
    unparsed: own.map(({ MESSAGE }) => MESSAGE).filter((message) => /^[<{]/.test(message)),
  };
}

async function startContainer() {
  const limits = [
    '--memory',
    '32m',
    '--memory-swap',
    '48m',
    '--cpu-shares',
    '512',
    '--cpus',
    '0.2',
    '--cpuset-cpus',
    '1',
  ];
  const args = [
    'run',
    '--detach',
    '--name',
    'limited',
    ...limits,
    'busybox',
    'sh',
    '-c',
    'head -c 1000000 /dev/zero | md5sum; touch /done; exec sleep 100000',
  ];
  const id = execFileSync('docker', args, { encoding: 'utf8' }).trim();
  const pid = execFileSync('docker', ['inspect', '--format', '{{.State.Pid}}', id], { encoding: 'utf8' }).trim();
  await until('the container to do its work', () => existsSync(`/proc/${pid}/root/done`));
  await until('the container under its name', async () => {
    const answer = await get('/api/v2.0/spec/limited?type=docker').catch(() => ({}));
    return Object.values(answer).some(({ aliases }) => aliases?.includes('limited'));
  });
  const named = await get('/api/v2.0/spec/limited?type=docker');
  const [name] = Object.keys(named);
  return { id, name, spec: named[name] };
}

/**
 * Node is many times slower here than on a host: the limits of the package and its unit would refuse what is asked below, and
 * sampling every second would take most of the CPU.
 */
const forSlowHost = (config) =>
  config.replace(/^ {2}cpu: 10%$/m, '  cgroupLimits: false').replace(/^ {2}#interval: 1s$/m, '  interval: 4s');

/** Every file with the agent's name. */
function traces() {
  const { output } = run('find', '/etc', '/usr', '/var', '/run', '/opt', '-xdev', '-iname', '*tallyman*');
  return output.split('\n').filter((path) => path !== '');
}

const before = traces();
const [deb] = readdirSync('.').filter((name) => name.endsWith('.deb'));
const installation = run('dpkg', '--install', deb);
// dpkg returns when the unit was started, which is when it is ready.
station('installed', { ...installation, ...state(), unsampled: await unsampled(), rights: rights(state().MainPID) });
station('ready', { containers: Object.keys(await get('/api/v2.0/stats/?type=name&recursive=true&count=1')).length });
const CONFIG = '/etc/tallyman/tallyman.yaml';
writeFileSync(CONFIG, forSlowHost(readFileSync(CONFIG, 'utf8')));
run('systemctl', 'reload', SERVICE);

const container = await startContainer();
await until('a sample of it', async () => {
  const answer = await get(`/api/v2.0/stats${container.name}?type=name&count=1`).catch(() => ({}));
  return answer[container.name]?.length > 0;
});
station('numbers', [
  ...(await compareStats('container', container.name)),
  ...(await compareSpec('container', container.name)),
]);
await until('the disk use of the container', async () => {
  const [sample] = (await get(`/api/v2.0/stats${container.name}?type=name&count=1`))[container.name];
  return sample?.filesystem?.some(({ usage }) => usage > 0);
});
station('container', { ...container, cgroupExists: existsSync(`${CGROUPS}${container.name}`) });
station('machine', await get('/api/v2.0/machine'));

admitToPodman();
execFileSync('podman', [
  'run',
  '--detach',
  '--network=none',
  '--name',
  'of-podman',
  'localhost/busybox',
  'sleep',
  '100000',
]);
await until('the container of Podman under its name', async () => {
  const specs = await get('/api/v2.0/spec/of-podman?type=podman').catch(() => ({}));
  return Object.keys(specs).some((name) => existsSync(`${CGROUPS}${name}`));
});
let engines;
await until('an answer of each engine', async () => {
  engines = (await get('/api/engines')).map(({ endpoint, version }) => ({ endpoint, version }));
  // containerd's socket is for root alone.
  return engines.filter(({ version }) => version !== undefined).length === 2;
});
station('engines', engines);
execFileSync('podman', ['rm', '--force', '--time', '0', 'of-podman']);
rmSync('/etc/systemd/system/podman.socket.d', { recursive: true });

const first = state().MainPID;
writeFileSync(CONFIG, 'housekeeping: { interval: 2s }\n');
const reload = run('systemctl', 'reload', SERVICE);
let settled;
await until('the reload', () => {
  const journal = run('journalctl', '-u', SERVICE, '-o', 'cat', '-g', 'SIGHUP').output;
  settled = { ...state(), journal };
  return settled.ActiveState === 'active' && /interval.*2s/.test(journal);
});
station('reloaded', { ...reload, samePid: settled.MainPID === first, ...settled });
station('status', run('tallyman', 'service', 'status'));

process.kill(Number(first), 'SIGSTOP');
// Needs no answer of the agent: done while the watchdog's time runs.
station('installed again', run('tallyman', 'service', 'install'));
station('journal', priorities());
const security = run('systemd-analyze', 'security', '--no-pager', SERVICE).output;
station('security', {
  exposure: Number(/exposure level for .*: ([\d.]+)/.exec(security)?.[1]),
  verify: run('systemd-analyze', 'verify', '--man=no', SERVICE, 'tallyman.socket'),
  dropIns: readdirSync(`/etc/systemd/system/${SERVICE}.d`).sort(),
});
await until('the watchdog to restart the agent', () => {
  const { MainPID, ActiveState } = state();
  return MainPID !== first && ActiveState === 'active';
});
const journal = run('journalctl', '-u', SERVICE, '-o', 'cat', '-g', 'atchdog').output;
station('watchdog', { ...state(), isAnother: state().MainPID !== first, journal, unsampled: await unsampled() });

writeFileSync(CONFIG, 'housekeeping: { interval: nonsense }\n');
run('systemctl', 'restart', SERVICE);
station('misconfigured', state());
writeFileSync(CONFIG, forSlowHost(readFileSync('/usr/lib/tallyman/config/tallyman.yaml', 'utf8')));

run('systemctl', 'stop', SERVICE);
const socket = run('systemctl', 'start', 'tallyman.socket');
const answer = await ask(`${AGENT}/healthz`).then((response) => response.status, String);
station('activated by the socket', { socket, answer, ...state() });
run('systemctl', 'stop', 'tallyman.socket');

run('systemctl', 'disable', SERVICE);
run('/var/lib/dpkg/info/tallyman.postinst', 'configure', '0.0.1');
station('upgraded', state());
station('stopped', { ...run('systemctl', 'stop', SERVICE), ...state() });
execFileSync('docker', ['rm', '--force', container.id]);
station('purged', { ...run('dpkg', '--purge', 'tallyman'), ...state() });
station('gone', {
  leftovers: traces().filter((path) => !before.includes(path)),
  user: run('getent', 'passwd', 'tallyman').status,
  journal: run('journalctl', '-u', SERVICE, '-p', 'warning', '-o', 'cat').output,
  units: run('systemctl', 'list-unit-files', 'tallyman.*').output,
});
writeFileSync('/output/verdict.json', JSON.stringify(verdict));

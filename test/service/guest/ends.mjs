// Ends of containers of containerd in the virtual machine, by CRI and by `ctr`: one killed and made again, two for lack of memory,
// and two while the daemon itself was killed.
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { AGENT, ask, get, until } from './numbers.mjs';
import { cgroupOf, connectCri, IMAGE, NAMESPACE } from './pods.mjs';

const MIB = 1024 * 1024;
const BOX = '/machine.slice/ctr-box.scope';
const EATER = '/machine.slice/ctr-eater.scope';
const EAT = 'dd if=/dev/zero of=/dev/null bs=64M count=1';
/**
 * Waits for a word, then needs more memory than it may have. The first process to die is a child: a daemon that hears of a kill only
 * after the container's end may miss it.
 */
const STARVE = `mkfifo /feed; read word </feed; ${EAT}; sleep 1; exec ${EAT}`;
const SERIES =
  /^container_(?:state|exit_code|oom_killed|restarts_total|exit_reason_info|finished_time_seconds)\{[^}]*\} .*$/gm;

const ctr = async (...args) => (await promisify(execFile)('ctr', ['--namespace', NAMESPACE, ...args])).stdout;
const taskOf = async (id) => {
  const [, pid, status] = new RegExp(`^${id}\\s+(\\d+)\\s+(\\w+)`, 'm').exec(await ctr('tasks', 'ls')) ?? [];
  return { pid: Number(pid), status };
};

/**
 * What `/metrics` reports as the state of a container: series by their short names, of labels only the reason of an end.
 * @param cgroup which distinguishes it from an earlier attempt of the same name
 */
async function reportedOf(cgroup) {
  const text = await (await ask(`${AGENT}/metrics`)).text();
  const label = (line, key) => new RegExp(`\\b${key}="([^"]*)"`).exec(line)?.[1];
  const reported = {};
  for (const [line] of text.matchAll(SERIES)) {
    if (label(line, 'id') !== cgroup) continue;
    const metric = /^container_(\w+)/.exec(line)[1];
    const value = Number(line.slice(line.lastIndexOf(' ') + 1));
    if (metric === 'exit_reason_info') reported.reason = label(line, 'reason');
    else if (metric !== 'state') reported[metric] = value;
    else if (value === 1) reported.state = label(line, 'state');
  }
  return reported;
}

async function untilTold(cgroup, what, condition) {
  let reported;
  try {
    await until(`${cgroup} ${what}`, async () => {
      reported = await reportedOf(cgroup);
      return condition(reported);
    });
  } catch (error) {
    throw new Error(`${error.message}; last reported: ${JSON.stringify(reported)}`);
  }
  return reported;
}

/** Both run out of memory: the second attempt of a container of the pod, and a container of `ctr`. */
async function starve({ client, pod }) {
  const command = ['sh', '-c', STARVE];
  const worker = await client.run(pod, 'worker', { image: IMAGE, command, attempt: 1, memoryLimit: 24 * MIB });
  const placed = ['--runc-systemd-cgroup', '--cgroup', 'machine.slice:ctr:eater'];
  const flags = [...placed, '--memory-limit', String(24 * MIB), '--label', 'nerdctl/name=eater'];
  await ctr('run', '--detach', ...flags, IMAGE, 'c2', 'sh', '-c', STARVE);
  const cgroup = cgroupOf((await client.status(worker)).pid);
  const again = await untilTold(
    cgroup,
    'runs again',
    ({ state, restarts_total }) => state === 'running' && restarts_total,
  );
  await untilTold(EATER, 'runs', ({ state }) => state === 'running');
  for (const pid of [(await client.status(worker)).pid, (await taskOf('c2')).pid]) {
    await until('its pipe', () => existsSync(`/proc/${pid}/root/feed`));
    writeFileSync(`/proc/${pid}/root/feed`, '\n');
  }
  const isKilled = ({ state, oom_killed }) => state === 'exited' && oom_killed === 1;
  const reported = {
    worker: await untilTold(
      cgroup,
      'is killed for memory',
      (series) => isKilled(series) && series.reason !== undefined,
    ),
    eater: await untilTold(EATER, 'is killed for memory', isKilled),
  };
  const { reason, exitCode, finishedAt } = await client.status(worker);
  const finished = Number(finishedAt / 1_000_000_000n);
  return { again, reported, status: { reason, exitCode, finished }, task: (await taskOf('c2')).status };
}

/** Kills the daemon, and two containers before systemd starts it again. */
async function killDaemon({ client, app, pod }) {
  const stampsOf = async () => {
    const [{ stats }] = Object.values(await get(`/api/v2.1/stats/${pod.uid}?type=containerd&count=60`));
    return stats.map(({ timestamp }) => Date.parse(timestamp));
  };
  const { pid } = await client.status(app);
  const cgroup = cgroupOf(pid);
  const pids = [pid, (await taskOf('c1')).pid];
  client.close();
  const since = (await stampsOf()).at(-1);
  const daemon = Number(
    execFileSync('systemctl', ['show', '--value', '--property=MainPID', 'containerd'], { encoding: 'utf8' }),
  );
  process.kill(daemon, 'SIGKILL');
  await until('the end of the daemon', () => !existsSync(`/proc/${daemon}`));
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  const [[, { aliases }]] = Object.entries(await get(`/api/v2.0/spec/${pod.id}?type=containerd`));
  const reported = {
    app: await untilTold(cgroup, 'has ended', ({ exit_code }) => exit_code !== undefined),
    box: await untilTold(BOX, 'has ended', ({ exit_code }) => exit_code !== undefined),
  };
  const again = await connectCri();
  const { exitCode, reason, finishedAt } = await again.status(app);
  const later = await again.run(pod, 'later', { image: IMAGE, command: ['sleep', '100000'] });
  await untilTold(cgroupOf((await again.status(later)).pid), 'runs', ({ state }) => state === 'running');
  const [{ aliases: laterAliases }] = Object.values(await get(`/api/v2.0/spec/${later}?type=containerd`));
  again.close();
  const stamps = (await stampsOf()).filter((stamp) => stamp >= since);
  return {
    aliases: { whileDead: aliases[0], later: laterAliases[0] },
    reported,
    status: { exitCode, reason, finished: Number(finishedAt / 1_000_000_000n) },
    task: (await taskOf('c1')).status,
    gapsMs: stamps.slice(1).map((stamp, index) => stamp - stamps[index]),
  };
}

export async function endContainers(pods) {
  const memory = await starve(pods);
  return { memory, daemon: await killDaemon(pods) };
}

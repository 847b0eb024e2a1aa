// A pod that the containerd of the virtual machine runs over CRI with the systemd cgroup driver, as kubelet has it made, and a
// container of `ctr` in another namespace.
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { AGENT, ask, compareSpec, compareStats, until } from './numbers.mjs';

const SOCKET = '/run/containerd/containerd.sock';
/** Laid down by the test beside this folder: the client that makes pods. */
const CLIENT = 'cri-client.mjs';
export const IMAGE = 'docker.io/tallyman-test/busybox:1';
const UID = '0f4c2b1e-6d57-4a83-9d0e-3b2a51c8e7f4';
const PARENTS = '/kubepods.slice/kubepods-burstable.slice';
const SLICE = `kubepods-burstable-pod${UID.replaceAll('-', '_')}.slice`;
export const NAMESPACE = 'depot';
const MIB = 1024 * 1024;
const MAX_COMPARISONS = 10;
/** Leaves a trace in every controller, then sleeps: its numbers stand still. */
const TRACE = [
  'dd if=/dev/zero of=/data bs=64k count=32 conv=fsync',
  'i=0; while [ $i -lt 5000 ]; do i=$((i + 1)); done',
  'touch /done',
  'exec sleep 100000',
].join('; ');

const ctr = async (namespace, ...args) =>
  (await promisify(execFile)('ctr', ['--namespace', namespace, ...args])).stdout;
export const cgroupOf = (pid) => /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))[1];

/** Connects once the runtime lists pods. */
export async function connectCri() {
  const { CriClient } = await import(`${process.cwd()}/${CLIENT}`);
  let client;
  await until('the list of pods', async () => {
    client?.close();
    client = await CriClient.connect(SOCKET).catch(() => undefined);
    return (await client?.isReady()) ?? false;
  });
  return client;
}

/** Starts the pod with two containers, and the container beside it. */
export async function startPods() {
  // kubelet makes the slice of a pod, with its limits, before the pod.
  execFileSync('systemctl', ['set-property', '--runtime', SLICE, 'MemoryMax=96M', 'TasksMax=200']);
  const client = await connectCri();
  mkdirSync('/var/log/pods');
  const plan = { name: 'web-0', uid: UID, cgroupParent: `${PARENTS}/${SLICE}`, logDirectory: '/var/log/pods' };
  const pod = await client.runPod({ ...plan, labels: { app: 'web' } });
  const command = ['sh', '-c', TRACE];
  const limits = { memoryLimit: 64 * MIB, cpuQuota: 25_000 };
  const app = await client.run(pod, 'app', { image: IMAGE, command, labels: { tier: 'front' }, ...limits });
  const worker = await client.run(pod, 'worker', { image: IMAGE, command: ['sleep', '100000'] });
  const placed = ['--runc-systemd-cgroup', '--cgroup', 'machine.slice:ctr:box'];
  await ctr(NAMESPACE, 'run', '--detach', ...placed, '--label', 'nerdctl/name=box', IMAGE, 'c1', 'sleep', '100000');
  const { pid } = await client.status(app);
  await until('the container of the pod to do its work', () => existsSync(`/proc/${pid}/root/done`));
  const [, box] = /^c1\s+(\d+)\s+RUNNING/m.exec(await ctr(NAMESPACE, 'tasks', 'ls'));
  return { client, pod, app, worker, box: cgroupOf(box) };
}

/** What the agent reports about a container, once it knows it by this name. */
async function specOf(name) {
  let answer;
  await until(`the name ${name}`, async () => {
    answer = await ask(`${AGENT}/api/v2.0/spec/${name}?type=containerd`);
    return answer.ok;
  });
  const [[path, { aliases, namespace, image, labels }]] = Object.entries(await answer.json());
  return { path, aliases, namespace, image, labels };
}

/**
 * The numbers of a container that has just come to rest: its last pages are written back, and the kernel counts its memory, up to some
 * seconds later. Compared until they agree.
 * @returns the last comparison, also when they never did
 */
async function settledStats(cgroup, options) {
  for (let tries = 1; ; tries++) {
    execFileSync('sync');
    const numbers = await compareStats('app', cgroup, options);
    if (tries === MAX_COMPARISONS || numbers.every(({ low, api, high }) => api >= low && api <= high)) return numbers;
    await new Promise((resolve) => setTimeout(resolve, 2_000));
  }
}

/** What the agent reports about them, beside what the runtime and the kernel's files say. */
export async function comparePods({ client, pod, app, worker, box }) {
  const ids = { pod: UID, sandbox: pod.id, app, worker, box: 'box' };
  const reported = {};
  for (const [key, name] of Object.entries(ids)) reported[key] = await specOf(name);
  // Its end is found out while numbers are compared.
  process.kill((await client.status(worker)).pid, 'SIGKILL');
  const { pid, ...status } = await client.status(app);
  const cgroups = { pod: `${PARENTS}/${SLICE}`, app: cgroupOf(pid), box };
  const numbers = [
    ...(await settledStats(cgroups.app, { request: `/${app}?type=containerd`, processes: true })),
    ...(await compareSpec('app', cgroups.app, `/${app}?type=containerd`)),
    ...(await compareSpec('pod', cgroups.pod, `/${UID}?type=containerd`)),
  ];
  let metrics = {};
  await until('the end of the worker', async () => {
    metrics = await metricsOf();
    return metrics['container_exit_code shop/web-0/worker'] !== undefined;
  });
  return { ids, reported, status: { image: status.image.image, labels: status.labels }, cgroups, numbers, metrics };
}

/** States and exit codes by series and name. */
async function metricsOf() {
  const text = await (await ask(`${AGENT}/metrics`)).text();
  const series = [...text.matchAll(/^(container_state|container_exit_code)\{([^}]*)\} (\d+)/gm)];
  const label = (labels, name) => new RegExp(`\\b${name}="([^"]*)"`).exec(labels)?.[1];
  return Object.fromEntries(
    series
      .filter(([, , labels]) => /\bname="(shop\/|box")/.test(labels))
      .filter(([, metric, , value]) => metric !== 'container_state' || value === '1')
      .map(([, metric, labels, value]) => [`${metric} ${label(labels, 'name')}`, label(labels, 'state') ?? value]),
  );
}

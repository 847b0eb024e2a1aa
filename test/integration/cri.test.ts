import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AgentProcess } from '../support/agent-process.js';
import { IMAGE } from '../support/containerd-engine.js';
import { CriPods, type PlacedPod } from '../support/cri-pods.js';
import { until } from '../support/discovery.js';
import { removeCgroups } from '../support/engine-process.js';
import { parseText, type Series } from '../support/exposition.js';
import { CONTAINERD_ENGINE, needs } from '../support/needs.js';

interface Spec {
  readonly creation_time: string;
  readonly aliases?: readonly string[];
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly image?: string;
  readonly cpu: { readonly quota?: number };
  readonly memory: { readonly limit: number };
}

const ROOT = `/tallyman-test-${process.pid}-kubepods`;
const MEMORY_LIMIT = 32 * 1024 * 1024;
/** Eats memory beyond any limit. */
const GLUTTON = ['sh', '-c', 'sleep 0.5; exec dd if=/dev/zero of=/dev/null bs=256M'];

describe('the agent beside pods of a real containerd', {
  skip: needs(...CONTAINERD_ENGINE),
}, () => {
  let pods: CriPods;
  let agent: AgentProcess;
  let pod: PlacedPod;
  let app: string;

  before(async () => {
    pods = await CriPods.start(ROOT);
    pod = await pods.runPod('web-0', { app: 'web' });
    app = await pods.run(pod, 'app', {
      command: ['sh', '-c', 'while true; do echo x > /tmp-file; sleep 0.1; done'],
      labels: { tier: 'front' },
      memoryLimit: MEMORY_LIMIT,
      cpuQuota: 50_000,
    });
    agent = await AgentProcess.start(`
housekeeping: { interval: 200ms, maxInterval: 200ms }
plugins:
  - { use: cri, with: { endpoint: '${pods.containerd.endpoint}' } }
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: disk, with: { interval: 200ms } }
  - { use: raw, with: { include: [/, '${ROOT}/**'] } }
  - { use: prometheus, with: { kubelet: { path: /metrics/cadvisor } } }
`);
  });
  after(async () => {
    await agent?.stop();
    await pods?.stop();
    removeCgroups(ROOT);
  });

  const spec = async (id: string, fits: (spec: Spec) => boolean = () => true): Promise<Spec> => {
    const answer = await agent.until<Record<string, Spec>>(
      `/api/v2.0/spec/${id}?type=containerd`,
      (specs) => Object.values(specs).some(fits),
      `the spec of ${id}`,
    );
    return Object.values(answer)[0]!;
  };
  const scrape = async (path: string): Promise<readonly Series[]> =>
    parseText(await (await fetch(`${agent.url}${path}`)).text()).series;
  /** Waits until a series is there that fits. */
  const series = async (
    name: string,
    labels: Record<string, string>,
    fits: (value: number) => boolean = () => true,
  ) => {
    let found: Series[] = [];
    await until(
      async () => {
        const all = (await scrape('/metrics')).filter((one) => one.name === name);
        found = all.filter((one) => Object.entries(labels).every(([label, value]) => one.labels[label] === value));
        return found.some(({ value }) => fits(value));
      },
      () => `${name} ${JSON.stringify(labels)}: ${JSON.stringify(found)}`,
    );
    return found[0]!;
  };

  it('has the names, labels, image, times and limits that the runtime reports', async () => {
    const reported = await spec(app, ({ image, cpu }) => image === IMAGE && cpu.quota !== undefined);
    const status = await pods.status(app);
    assert.deepEqual(reported.aliases, ['shop/web-0/app', app, `k8s_app_web-0_shop_${pod.uid}_0`]);
    assert.deepEqual(reported.labels, { ...status.labels, app: 'web' });
    assert.equal(reported.image, status.image!.image);
    assert.equal(reported.namespace, 'containerd');
    assert.equal(BigInt(Date.parse(reported.creation_time)), status.createdAt / 1_000_000n);
    assert.deepEqual([reported.memory.limit, reported.cpu.quota], [MEMORY_LIMIT, 50_000]);
  });

  it('has kubelet’s series of the container, the sandbox and the pod', async () => {
    const ofPod = { pod: 'web-0', namespace: 'shop' };
    await until(
      async () => {
        const all = await scrape('/metrics/cadvisor');
        const labels = all
          .filter(({ name, labels }) => name === 'container_memory_working_set_bytes' && labels.pod === 'web-0')
          .map(({ labels: { container, pod, namespace, name } }) =>
            JSON.stringify([container, name, { pod, namespace }]),
          );
        const expected = [
          ['', ''],
          ['POD', pod.id],
          ['app', app],
        ].map((both) => JSON.stringify([...both, ofPod]));
        return JSON.stringify(labels.sort()) === JSON.stringify(expected.sort());
      },
      () => 'the series of the pod are not complete',
    );
    const all = await scrape('/metrics/cadvisor');
    const periods = all.find(
      ({ name, labels }) => name === 'container_cpu_cfs_periods_total' && labels.container === 'app',
    );
    assert.ok(periods !== undefined && periods.value > 0);
  });

  it('measures what the container writes on its overlay and into its log', async () => {
    await series('container_fs_usage_bytes', { name: 'shop/web-0/app' }, (value) => value > 0);
  });

  it('reports a container that was killed, and the one that replaces it', async () => {
    const first = await pods.run(pod, 'worker', { command: ['sleep', '100000'] });
    await spec(first, ({ aliases }) => aliases?.[0] === 'shop/web-0/worker');
    process.kill((await pods.status(first)).pid, 'SIGKILL');
    const named = { name: 'shop/web-0/worker' };
    assert.equal((await series('container_exit_code', named)).value, 137);
    await pods.run(pod, 'worker', { command: ['sleep', '100000'], attempt: 1 });
    await series('container_restarts_total', named, (value) => value === 1);
  });

  it('reports that the kernel killed a container for lack of memory', async () => {
    const id = await pods.run(pod, 'glutton', { command: GLUTTON, memoryLimit: MEMORY_LIMIT });
    const named = { name: 'shop/web-0/glutton' };
    await series('container_exit_code', named, (value) => value === 137);
    await series('container_oom_killed', named, (value) => value === 1);
    await series('container_exit_reason_info', { ...named, reason: 'OOMKilled' });
    const { reason, exitCode, finishedAt } = await pods.status(id);
    assert.deepEqual([reason, exitCode], ['OOMKilled', 137]);
    const finished = await series('container_finished_time_seconds', named);
    assert.equal(finished.value, Number(finishedAt / 1_000_000_000n));
  });

  it('keeps names and samples while the runtime is killed, and reconnects', async () => {
    const times = (stats: readonly { readonly timestamp: string }[]) =>
      stats.map(({ timestamp }) => Date.parse(timestamp));
    const ofApp = async () => {
      const path = `/api/v2.1/stats/${app}?type=containerd&count=60`;
      return times(Object.values(await agent.json<Record<string, { stats: { timestamp: string }[] }>>(path))[0]!.stats);
    };
    const ofHost = async () => times(await agent.json('/api/v2.1/machinestats?count=60'));
    const since = (await ofApp()).at(-1)!;
    const longestGap = (times: readonly number[]) => {
      const later = times.filter((time) => time >= since);
      return Math.max(...later.slice(1).map((time, index) => time - later[index]!));
    };
    await pods.containerd.kill();
    await agent.said('keep their last description');
    assert.equal((await spec(app)).aliases?.[0], 'shop/web-0/app');
    await pods.relaunch();
    const later = await pods.run(pod, 'later', { command: ['sleep', '100000'] });
    await spec(later, ({ aliases }) => aliases?.[0] === 'shop/web-0/later');
    const [gap, gapOfHost] = [longestGap(await ofApp()), longestGap(await ofHost())];
    // On a loaded host all samples are late, also those of the host itself.
    assert.ok(gap < gapOfHost + 2_000, `a gap of ${gap} ms in the samples, and ${gapOfHost} ms in those of the host`);
  });

  it('forgets a pod that is removed', async () => {
    const gone = await pods.runPod('gone-0');
    await series('container_start_time_seconds', { name: 'shop/gone-0/POD' });
    await pods.removePod(gone);
    await until(
      async () => (await scrape('/metrics/cadvisor')).every(({ labels }) => labels.pod !== 'gone-0'),
      () => 'the pod is still there',
    );
  });
});

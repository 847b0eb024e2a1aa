// Faults of the host around the agent: each leaves it serving correct numbers, and is reported once.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Finding } from '../../../src/kernel/contracts/index.js';
import { AgentProcess } from '../../support/agent-process.js';
import { BusyCgroup } from '../../support/busy-cgroup.js';
import { FakeEngine } from '../../support/fake-engine.js';
import { needs } from '../../support/needs.js';
import { RealCgroup } from '../../support/real-cgroup.js';

const config = (plugins = '  - { use: docker, enabled: false }') => `
housekeeping: { interval: 100ms, maxInterval: 100ms }
log: { format: json }
plugins:
  - { use: podman, enabled: false }
${plugins}
`;
const withDocker = (endpoint: string) => config(`  - { use: docker, with: { endpoint: '${endpoint}' } }`);

const busy = new BusyCgroup('host');

type Findings = { readonly findings: readonly Finding[] };

async function untilFound(agent: AgentProcess, id: string, isThere = true): Promise<Finding | undefined> {
  const find = ({ findings }: Findings) => findings.find((finding) => finding.id === id);
  const what = `${id} ${isThere ? 'found' : 'gone'}`;
  const answer = await agent.until<Findings>('/-/doctor', (all) => (find(all) !== undefined) === isThere, what);
  const metrics = await (await fetch(`${agent.url}/metrics`)).text();
  assert.equal(metrics.includes(`tallyman_finding{id="${id}",`), isThere, 'the metrics say the same');
  return find(answer);
}

/** Has run for as long as it takes to repeat itself. */
async function rounds(agent: AgentProcess, count = 3): Promise<void> {
  for (let round = 0; round < count; round++) await busy.assertCounted(agent);
}

describe('an agent on a host with a fault', { skip: needs('root', 'cgroups', 'mounts') }, () => {
  before(() => busy.start());
  after(() => busy.remove());

  it('works with a read-only /etc', async () => {
    const remount = 'mount --bind /etc /etc && mount -o remount,bind,ro /etc && ! touch /etc/tallyman-test 2>&-';
    const through = ['unshare', '--mount', 'sh', '-c', `${remount} && exec "$@"`, 'sh'];
    const agent = await AgentProcess.start(config(), undefined, {}, { through });
    try {
      assert.equal(
        spawnSync('nsenter', [`--mount=/proc/${agent.pid}/ns/mnt`, 'touch', '/etc/tallyman-test']).status,
        1,
      );
      await busy.assertCounted(agent);
      agent.configure(`${config()}history: { duration: 5m }\n`);
      assert.equal((await fetch(`${agent.url}/-/reload`, { method: 'POST' })).status, 200);
      await busy.assertCounted(agent);
      assert.ok(!/EROFS|read-only/i.test(agent.output), agent.output);
    } finally {
      await agent.stop();
    }
  });

  it('detects containers later when inotify watches are used up', async () => {
    // A namespace of its own has limits of its own: nobody else lacks a watch.
    const limit = 'echo 7 > /proc/sys/user/max_inotify_watches && exec "$@"';
    const through = ['unshare', '--user', '--map-root-user', 'sh', '-c', limit, 'sh'];
    const agent = await AgentProcess.start(config(), undefined, {}, { through });
    const late = new BusyCgroup('unwatched');
    try {
      await busy.assertCounted(agent);
      const { what } = (await untilFound(agent, 'inotify'))!;
      assert.match(what, /^the kernel gives this user no more inotify watches \(\d+ are in use/);
      await late.start();
      await late.assertCounted(agent);
      await late.remove();
      const path = '/api/v2.0/spec/?recursive=true';
      await agent.until<Record<string, unknown>>(path, (all) => !(late.name in all), 'the end of a container');
      assert.equal((await agent.said('inotify watches are used up')).length, 1);
    } finally {
      await late.remove();
      await agent.stop();
    }
  });

  it('lacks only names while it may not use the engine’s socket', async () => {
    const engine = new FakeEngine();
    await engine.listen();
    const socket = engine.endpoint.slice('unix://'.length);
    chownSync(socket, 65_534, 65_534);
    chmodSync(socket, 0o600);
    // Root without the capabilities that pass over permissions.
    const through = ['setpriv', '--bounding-set=-dac_override,-dac_read_search'];
    const agent = await AgentProcess.start(withDocker(engine.endpoint), undefined, {}, { through });
    try {
      await rounds(agent);
      const { mend } = (await untilFound(agent, 'docker-denied'))!;
      assert.ok(mend.length > 0);
      const denied = (await agent.said('EACCES')).filter((line) => line.includes(socket));
      assert.equal(denied.length, 1);
      chmodSync(socket, 0o666);
      await untilFound(agent, 'docker-denied', false);
      await busy.assertCounted(agent);
    } finally {
      await agent.stop();
      await engine.dispose();
    }
  });

  it('lacks only names while the engine does not answer', async () => {
    const directory = mkdtempSync(join(tmpdir(), `tallyman-test-${process.pid}-`));
    const socket = join(directory, 'docker.sock');
    const leave = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', leave, socket]);
    const agent = await AgentProcess.start(withDocker(`unix://${socket}`));
    try {
      await rounds(agent);
      await untilFound(agent, 'docker-unreachable');
      assert.equal((await agent.said('ECONNREFUSED')).length, 1);
      assert.equal((await fetch(`${agent.url}/-/ready`)).status, 200);
    } finally {
      await agent.stop();
      rmSync(directory, { recursive: true });
    }
  });

  it('counts OOM kills of other containers', async () => {
    const agent = await AgentProcess.start(config());
    const neighbour = new RealCgroup(`/tallyman-test-${process.pid}-neighbour`).create();
    try {
      neighbour.limitMemory(8 * 1024 * 1024);
      const path = '/api/v2.0/spec/?recursive=true';
      await agent.until<Record<string, unknown>>(path, (all) => neighbour.name in all, 'the neighbour');
      for (let kill = 0; kill < 3; kill++) {
        await (await neighbour.run('(head -c 64M /dev/zero | tail) > /dev/null; echo over')).said('over');
        await busy.assertCounted(agent);
      }
      const events = `/api/v1.3/events${neighbour.name}?oom_kill_events=true&max_events=-1`;
      await agent.until<unknown[]>(events, (all) => all.length === 3, 'three kills');
      assert.equal((await fetch(`${agent.url}/-/healthy`)).status, 200);
    } finally {
      await agent.stop();
      await neighbour.remove();
    }
  });
});

// The doctor of a running agent: the route, the metric and the command say the same.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, it } from 'node:test';
import type { Finding } from '../../src/kernel/contracts/index.js';
import { agentMain } from '../project.js';
import { AgentProcess } from '../support/agent-process.js';
import { FakeEngine } from '../support/fake-engine.js';
import { HostTree } from '../support/tree.js';

// Engines that are not there: findings that every machine has.
const CONFIG = `
plugins:
  - { use: docker, with: { endpoint: 'unix:///nonexistent/docker.sock' } }
  - { use: podman, with: { endpoint: ['tcp://127.0.0.1:1', 'tcp://127.0.0.1:2'] } }
  - { use: raw, with: { include: ['/'] } }
`;

let agent: AgentProcess;
before(async () => {
  agent = await AgentProcess.start(CONFIG);
});
after(() => agent.stop());

function doctor(...args: string[]): Promise<{ status: number | null; out: string }> {
  const child = spawn(process.execPath, [agentMain, 'doctor', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  return new Promise((resolve) => child.once('close', (status) => resolve({ status, out })));
}

it('findings are in /-/doctor and /metrics, and printed by the command', async () => {
  const { findings } = await agent.json<{ findings: Finding[] }>('/-/doctor');
  const ids = findings.map(({ id }) => id);
  for (const id of ['docker-absent', 'podman-unreachable']) assert.ok(ids.includes(id), id);
  for (const finding of findings) {
    for (const member of [finding.what, finding.effect, finding.mend]) assert.ok(member.length > 0, finding.id);
  }
  const metrics = await (await fetch(`${agent.url}/metrics`)).text();
  for (const { id, severity } of findings) {
    assert.equal(metrics.split(`tallyman_finding{id="${id}",severity="${severity}"} 1\n`).length - 1, 1, id);
  }
  const printed = await doctor('--url', agent.url);
  assert.equal(printed.status, 1, 'an error among them');
  assert.match(
    printed.out,
    /^error +podman-unreachable +podman cannot be asked: .*\n +effect: .*\n +mend: +have podman on that host listen on tcp:/m,
  );
  const json = JSON.parse((await doctor('--url', `${agent.url}/-/doctor`, '--json')).out) as { findings: Finding[] };
  assert.deepEqual(json.findings.map(({ id }) => id).sort(), ids.sort());
});

it('tallyman doctor starts an agent when none is running', async () => {
  const { status, out } = await doctor('--config', agent.file, '--json');
  assert.equal(status, 1);
  const { findings } = JSON.parse(out) as { findings: Finding[] };
  assert.ok(findings.some(({ id }) => id === 'docker-absent'));
});

it('a host with many problems has a finding for each, with the effect and the fix', async () => {
  const tree = new HostTree();
  tree.add({
    '/proc/cgroups': '#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t0\t9\t1\nmemory\t0\t9\t0\n',
    '/proc/self/mountinfo': '25 30 0:23 / /proc rw,nosuid - proc proc rw,hidepid=invisible\n',
    '/proc/sys/kernel/random/boot_id': '0f3a8bd5-7dd7-4d3a-8f0e-000000000000\n',
    '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io hugetlb pids\n',
    '/sys/fs/cgroup/cgroup.subtree_control': 'cpuset cpu io hugetlb pids\n',
    '/sys/fs/cgroup/cgroup.type': 'domain\n',
    '/sys/fs/cgroup/cpu.stat': 'usage_usec 5\nuser_usec 3\nsystem_usec 2\n',
    '/run/user/1000/docker.sock': '',
  });
  const engine = new FakeEngine();
  engine.version = { Version: '1.12.6', ApiVersion: '1.24' };
  const status = [['driver-type', 'io.containerd.snapshotter.v1']];
  engine.overrides.set('/info', { status: 200, body: JSON.stringify({ Driver: 'stargz', DriverStatus: status }) });
  engine.overrides.set('/images', { status: 200, body: '[]' });
  await engine.listen();
  const worse = await AgentProcess.start(`
host: { root: '${tree.root}' }
plugins:
  - { use: docker, with: { endpoint: '${engine.endpoint}' } }
  - { use: podman, enabled: false }
`);
  try {
    const { findings } = await worse.until<{ findings: Finding[] }>(
      '/-/doctor',
      (all) => all.findings.some(({ id }) => id === 'docker-storage'),
      'an answer of the engine',
    );
    const effects: Record<string, RegExp> = {
      'controller-memory': /^No container has the numbers of the memory controller\.$/,
      psi: /^container_pressure_\* and the key psi are missing\.$/,
      'proc-hidden': /^Network numbers, processes, /,
      'kernel-log': /^OOM kills are counted, but /,
      'cgroup-namespace': /^Only what runs in the agent’s own container is found\.$/,
      'docker-outdated': /^States, health and exit codes /,
      'docker-storage': /^Containers of docker have no disk usage\.$/,
      'docker-rootless': /^Containers of those users have no names\.$/,
    };
    const mends: Record<string, RegExp> = {
      'controller-memory':
        /^add cgroup_enable=memory to GRUB_CMDLINE_LINUX in \/etc\/default\/grub, then update-grub && reboot /,
      psi: /^add psi=1 to GRUB_CMDLINE_LINUX /,
      'proc-hidden': /^mount -o remount,hidepid=0 \/proc, or /,
      'kernel-log': /^(mknod \/dev\/kmsg c 1 11|docker run --cap-add=SYSLOG --device=\/dev\/kmsg:\/dev\/kmsg:r …)$/,
      'cgroup-namespace': /^docker run --volume=\/:\/rootfs:ro,rslave …, or docker run --cgroupns=host /,
      'docker-outdated': /^apt-get install --only-upgrade docker-ce$/,
      'docker-storage':
        /^"storage-driver": "overlayfs" in \/etc\/docker\/daemon\.json, then systemctl restart docker; /,
      'docker-rootless':
        /^plugins: \[\{ use: docker, with: \{ endpoint: \[.*, unix:\/\/\/run\/user\/1000\/docker\.sock\] \} \}\]$/,
    };
    const metrics = await (await fetch(`${worse.url}/metrics`)).text();
    const { out: printed } = await doctor('--url', worse.url);
    for (const id of Object.keys(effects)) {
      const found = findings.find((finding) => finding.id === id);
      assert.ok(found !== undefined, `${id} is not among ${findings.map((finding) => finding.id)}`);
      assert.match(found.effect, effects[id]!);
      assert.match(found.mend, mends[id]!);
      assert.ok(metrics.includes(`tallyman_finding{id="${id}",severity="${found.severity}"} 1\n`), id);
      assert.ok(printed.includes(`mend:   ${found.mend}\n`), id);
    }
  } finally {
    await worse.stop();
    await engine.dispose();
    tree.remove();
  }
});

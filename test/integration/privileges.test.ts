// The table of docs/privileges.md holds: what an agent without any privilege lacks is what it says, and nothing else.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { Finding } from '../../src/kernel/contracts/index.js';
import { AgentProcess } from '../support/agent-process.js';
import { BusyCgroup } from '../support/busy-cgroup.js';
import { Installation } from '../support/installation.js';
import { needs } from '../support/needs.js';

const EXTRA = ['process', 'sched', 'cpuLoad', 'percpu', 'tcp', 'udp', 'advtcp', 'cpuset', 'hugetlb', 'memory_numa'];
const config = (names: readonly string[]) => `
housekeeping: { interval: 100ms, maxInterval: 100ms }
log: { format: json }
plugins:
  - { use: cri, enabled: false }
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: raw, with: { include: [${['/', ...names].map((name) => `'${name}'`).join(', ')}] } }
${EXTRA.map((use) => `  - { use: ${use} }`).join('\n')}
`;
/** A user and a group that are nobody else's. */
const USER = ['--reuid=61234', '--regid=61234'];
const GROUP = 61235;

/** Besides capabilities: groups of the process, and a program that starts it. */
interface Circumstances {
  readonly groups?: string;
  readonly before?: readonly string[];
}

const busy = new BusyCgroup('privileges');
let installation: Installation;
/** What an agent with these capabilities tells, as a user without privileges; as root without a list. */
async function tells(capabilities?: readonly string[], { groups = '--clear-groups', before = [] }: Circumstances = {}) {
  const list = (capabilities ?? []).map((name) => `+${name}`).join(',');
  const grants = list === '' ? [] : [`--inh-caps=${list}`, `--ambient-caps=${list}`];
  const through = capabilities === undefined ? [] : [...before, 'setpriv', ...USER, groups, ...grants];
  const launch = { through, main: installation.main };
  const agent = await AgentProcess.start(config([busy.name]), undefined, {}, launch);
  try {
    await busy.assertCounted(agent);
    const metrics = await (await fetch(`${agent.url}/metrics`)).text();
    const named = (id: string) => new RegExp(`^(\\w+)\\{[^}]*\\bid="${id}"`, 'gm');
    const of = (id: string) => new Set([...metrics.matchAll(named(id))].map(([, name]) => name!));
    const { plugins } = await agent.json<{ plugins: { id: string; state: string; lastError?: string }[] }>('/-/status');
    const { findings } = await agent.json<{ findings: Finding[] }>('/-/doctor');
    const machine = await agent.json<{ system_uuid: string; machine_id: string }>('/api/v1.3/machine');
    return { container: of(busy.name), root: of('/'), plugins, findings: findings.map(({ id }) => id), machine };
  } finally {
    await agent.stop();
  }
}

const lacking = (all: ReadonlySet<string>, some: ReadonlySet<string>) =>
  [...all].filter((name) => !some.has(name)).sort();

describe('an agent', { skip: needs('root', 'cgroups', 'mounts', 'other users', 'setpriv') }, () => {
  before(() => {
    installation = new Installation();
    return busy.start();
  });
  after(() => {
    installation?.remove();
    return busy.remove();
  });
  let asRoot: Awaited<ReturnType<typeof tells>>;
  before(async () => {
    asRoot = await tells();
    for (const name of ['container_cpu_usage_seconds_total', 'container_memory_usage_bytes', 'container_sockets']) {
      assert.ok(asRoot.container.has(name), `${name} among ${[...asRoot.container]}`);
    }
  });

  const FILES = 'container_file_descriptors';
  const SOCKETS = 'container_sockets';

  it('without any privilege lacks open files and sockets, and no other number', async () => {
    const { container, root, plugins, machine, findings } = await tells([]);
    assert.deepEqual(lacking(asRoot.container, container), [FILES, SOCKETS]);
    // Where another process has more capabilities than the test itself, it does not know all sockets of the machine either.
    const known = [FILES, SOCKETS].filter((name) => asRoot.root.has(name));
    assert.deepEqual(lacking(asRoot.root, root), known);
    assert.deepEqual(
      plugins.filter(({ state, lastError }) => state !== 'running' || lastError !== undefined),
      [],
    );
    assert.equal(machine.system_uuid, machine.machine_id);
    assert.deepEqual(
      findings.filter((id) => !asRoot.findings.includes(id) && id !== 'kernel-log'),
      [],
    );
  });

  it('with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH lacks nothing', async () => {
    const { container, root, machine } = await tells(['sys_ptrace', 'dac_read_search']);
    assert.deepEqual([lacking(asRoot.container, container), lacking(asRoot.root, root)], [[], []]);
    assert.equal(machine.system_uuid, asRoot.machine.system_uuid);
  });

  it('with one of the two lacks sockets still, instead of counting none', async () => {
    assert.deepEqual(lacking(asRoot.container, (await tells(['dac_read_search'])).container), [SOCKETS]);
    assert.deepEqual(lacking(asRoot.container, (await tells(['sys_ptrace'])).container), [FILES, SOCKETS]);
  });

  it('with CAP_SYSLOG reads the kernel log, which without it is for everybody only where the kernel says so', async () => {
    assert.ok(!(await tells(['syslog'])).findings.includes('kernel-log'));
    const isRestricted = readFileSync('/proc/sys/kernel/dmesg_restrict', 'utf8').trim() === '1';
    assert.equal((await tells([])).findings.includes('kernel-log'), isRestricted);
  });

  it('needs the group of the gid= option where /proc hides processes, and lacks nothing with it', async () => {
    const hide = `mount -t proc -o hidepid=2,gid=${GROUP} proc /proc && exec "$@"`;
    const before = ['unshare', '--mount', 'sh', '-c', hide, 'sh'];
    const hidden = await tells([], { before });
    assert.ok(hidden.findings.includes('proc-hidden'), hidden.findings.join());
    const admitted = await tells([], { before, groups: `--groups=${GROUP}` });
    assert.ok(!admitted.findings.includes('proc-hidden'), admitted.findings.join());
    assert.deepEqual(lacking(asRoot.container, admitted.container), [FILES, SOCKETS]);
    assert.ok(lacking(admitted.root, hidden.root).includes('container_network_receive_bytes_total'));
  });
});

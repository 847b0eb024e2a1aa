// Trouble made for real on cgroups of this host: `why` names it first, and nothing of the kind for a healthy twin.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { AgentProcess } from '../support/agent-process.js';
import { needs } from '../support/needs.js';
import { CGROUP_VERSION, RealCgroup } from '../support/real-cgroup.js';

const MIB = 2 ** 20;
const PARENT = `/tallyman-test-${process.pid}-why`;
const CONFIG = `
housekeeping: { interval: 500ms, maxInterval: 500ms }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: process, with: { descriptorInterval: 0s } }
  - { use: oom_event, with: { interval: 0s } }
  - { use: raw, with: { include: ['${PARENT}/*'] } }
`;

interface Why {
  readonly findings: readonly {
    readonly rule: string;
    readonly container: string;
    readonly what: string;
    readonly evidence: readonly { readonly text: string }[];
  }[];
  readonly looked_at: readonly { readonly rule: string }[];
}

describe('why, of trouble made for real', { skip: needs('root', 'cgroups') }, () => {
  const cgroups: RealCgroup[] = [];
  const parent = new RealCgroup(PARENT);
  // /tmp may be a tmpfs, whose pages cannot be reclaimed.
  const files = mkdtempSync('/var/tmp/tallyman-test-why-');
  let agent: AgentProcess;

  const cgroup = (name: string): RealCgroup => {
    const made = new RealCgroup(`${PARENT}/${name}`).create();
    cgroups.push(made);
    return made;
  };
  const quota = (one: RealCgroup, cpus: number) =>
    CGROUP_VERSION === 1
      ? one.write('cpu', 'cpu.cfs_quota_us', String(cpus * 100_000))
      : one.write('cpu', 'cpu.max', `${cpus * 100_000} 100000`);
  const why = (name: string) => agent.json<Why>(`/api/why${PARENT}/${name}`);
  /** Waits until the first finding is of this rule, and checks that the twin has none of it though it was looked for. */
  const isNamedFirst = async (rule: string, name: string, twin: string) => {
    const answer = await agent.until<Why>(
      `/api/why${PARENT}/${name}`,
      ({ findings }) => findings[0]?.rule === rule,
      `${rule} of ${name}`,
    );
    const healthy = await why(twin);
    assert.ok(
      healthy.looked_at.some((looked) => looked.rule === rule),
      `${rule} was not looked for`,
    );
    assert.ok(!healthy.findings.some((finding) => finding.rule === rule), `${rule} of ${twin}`);
    return answer.findings[0]!.evidence[0]!.text;
  };

  before(async () => {
    parent.create();
    agent = await AgentProcess.start(CONFIG);
  });
  after(async () => {
    await agent?.stop();
    for (const one of cgroups.reverse()) {
      // Children of a shell outlive it.
      for (const pid of one.read('pids', 'cgroup.procs').split('\n').filter(Number))
        process.kill(Number(pid), 'SIGKILL');
      await one.remove();
    }
    await parent.remove();
    rmSync(files, { recursive: true });
  });

  it('names a container that its CPU quota stops', async () => {
    const [hot, calm] = [cgroup('throttled'), cgroup('not-throttled')];
    quota(hot, 0.05);
    quota(calm, 1);
    await hot.run('while :; do :; done');
    await calm.run('while :; do sleep 0.2; done');
    assert.match(await isNamedFirst('cpu-throttled', 'throttled', 'not-throttled'), /^throttled in \d+ of \d+ periods/);
  });

  it('names a container that needs again what is reclaimed at its memory limit', async () => {
    const [small, large] = [cgroup('thrashing'), cgroup('not-thrashing')];
    small.limitMemory(12 * MIB);
    large.limitMemory(96 * MIB);
    for (const one of [small, large]) {
      const file = join(files, basename(one.name));
      // Page cache belongs to the cgroup that reads it first.
      await one.run(
        `head -c ${36 * MIB} /dev/zero >${file}; sync ${file}; while :; do cat ${file} >/dev/null; sleep 0.2; done`,
      );
    }
    assert.match(await isNamedFirst('memory-reclaim', 'thrashing', 'not-thrashing'), /^usage /);
  });

  it('names a container whose process the kernel killed for lack of memory', async () => {
    const [small, large] = [cgroup('killed'), cgroup('not-killed')];
    small.limitMemory(16 * MIB);
    large.limitMemory(256 * MIB);
    const hog = 'head -c 64000000 /dev/zero | tail -c 64000000 > /dev/null; while :; do sleep 1; done';
    for (const one of [small, large]) await one.run(`(${hog})`);
    assert.match(await isNamedFirst('oom-killed', 'killed', 'not-killed'), /process (tail|head) \(pid \d+\)/);
    const { findings } = await why('killed');
    assert.match(findings[0]!.what, /at its limit of 16 MiB$/);
  });

  it('names a container that may start no further process', async () => {
    const [tight, wide] = [cgroup('pids'), cgroup('many-pids')];
    for (const one of [tight, wide]) await one.run('for i in 1 2 3 4 5; do sleep 100 & done; wait');
    tight.write('pids', 'pids.max', '6');
    wide.write('pids', 'pids.max', '60');
    assert.match(await isNamedFirst('pids-near-limit', 'pids', 'many-pids'), /6 of 6 processes/);
  });

  it('names a unit that ends and is started again and again', async () => {
    const steady = cgroup('steady');
    await steady.run('while :; do sleep 1; done');
    for (let run = 0; run < 3; run++) {
      const crashing = new RealCgroup(`${PARENT}/crashing`).create();
      await agent.until<Why>(`/api/why${PARENT}/crashing`, () => true, 'the cgroup');
      await crashing.remove();
      await agent.until(`/api/why${PARENT}/steady`, () => true, 'an answer');
      await gone('crashing');
    }
    cgroup('crashing');
    assert.match(await isNamedFirst('restart-loop', 'crashing', 'steady'), /^ended 3 times/);
  });

  it('names the worst three of the host, and finds nothing wrong with what is well', async () => {
    const { findings } = await agent.json<Why>('/api/why');
    assert.equal(findings.length, 3);
    assert.ok(findings.some(({ container }) => container.startsWith(PARENT)));
    const brief = await agent.json<{ containers: { container: string; what: string }[] }>('/api/why?brief=true');
    const [worst] = findings;
    assert.equal(brief.containers.find(({ container }) => container === worst!.container)!.what, worst!.what);
    assert.ok(!brief.containers.some(({ container }) => container === `${PARENT}/steady`));
    const quiet = await why('steady');
    assert.deepEqual(quiet.findings, []);
    assert.ok(quiet.looked_at.length >= 5);
  });

  /** Waits until the agent has noticed that a cgroup ended. */
  async function gone(name: string): Promise<void> {
    const deadline = Date.now() + 60_000;
    while ((await fetch(`${agent.url}/api/why${PARENT}/${name}`)).status === 200) {
      if (Date.now() > deadline) throw new Error(`${name} is still there`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
});

// Numbers of idle cgroups are repeated without reading their files; what is repeated must still be what the kernel says.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Container } from '../../src/kernel/containers/index.js';
import { Housekeeper } from '../../src/kernel/housekeeping/housekeeper.js';
import { SAMPLING, type SourcePlugin } from '../../src/kernel/housekeeping/monitored-container.js';
import { createCgroupFiles, DescriptorBudget, detectHierarchies } from '../../src/kernel/linux/index.js';
import { createClock } from '../../src/kernel/log/index.js';
import { Supervisor } from '../../src/kernel/supervision/index.js';
import { PluginRecord } from '../../src/kernel/supervision/record.js';
import { containerNamed } from '../support/containers.js';
import { until } from '../support/discovery.js';
import { SILENT } from '../support/loggers.js';
import { needs } from '../support/needs.js';
import { CGROUP_VERSION, CONTROLLERS, RealCgroup, type Script } from '../support/real-cgroup.js';
import { builtinSource } from '../support/source-bench.js';
import { TestHost } from '../support/test-host.js';

const ROUNDS = 12;
const OPTIONS = { interval: 50, maxInterval: 50, dynamic: false, jitter: 0, historyDurationMs: 60_000 };
/** A read of a parent's CPU time counts for this long; three cgroups lie above one another. */
const FRESH_US = 3 * 5_000;
/** Files are read again only because something happened. */
const NEVER = 3_600_000;

/** Runs a little and takes memory for each line that it is given. */
const WORKER = `
  kept=
  while read -r line; do
    kept=$kept$(head -c 20000 /dev/zero | tr '\\0' x)
    i=0; while [ $i -lt 500 ]; do i=$((i + 1)); done
    echo "done $line"
  done`;

const base = `/tallyman-test-${process.pid}-idle`;
const groups = ['', '/a', '/a/1', '/a/2', '/b'].map((path) => new RealCgroup(base + path));
const clock = createClock();
const workers = new Map<RealCgroup, Script>();

function cpuTimeOf(cgroup: RealCgroup): number {
  if (CGROUP_VERSION === 1) return Number(cgroup.read('cpuacct', 'cpuacct.usage'));
  return Number(/^usage_usec (\d+)/m.exec(cgroup.read('cpu', 'cpu.stat'))![1]) * 1000;
}

async function sourceOf(name: string): Promise<SourcePlugin> {
  const record = new PluginRecord(name, name, name, 'ignore');
  record.state = 'running';
  return { record, kind: 'metric-source', instance: await builtinSource(name, new TestHost('/')) };
}

describe('samples of idle cgroups', { skip: needs('root', 'cgroups') }, () => {
  const housekeeper = new Housekeeper(
    { ...OPTIONS, idleRefresh: NEVER, maxIdleRefresh: NEVER },
    clock,
    SILENT,
    new Supervisor(clock, SILENT),
    { recheck: () => assert.fail('a cgroup was taken for gone') },
    { get: (name) => [...records.values()].find((record) => record.name === name) },
  );
  const records = new Map<RealCgroup, Container>();

  before(async () => {
    const hierarchies = detectHierarchies({ root: '/', proc: '/proc', sys: '/sys', cgroup: '/sys/fs/cgroup' });
    const budget = new DescriptorBudget(256);
    const sources = await Promise.all(['cpu', 'memory'].map(sourceOf));
    for (const source of sources) housekeeper.sourceAdded(source, sources);
    for (const cgroup of groups) {
      cgroup.create();
      const files = createCgroupFiles(hierarchies, cgroup.name, budget);
      const record = containerNamed(cgroup.name, { cgroup: files, controllers: new Set(CONTROLLERS as never) });
      housekeeper.added(record);
      records.set(cgroup, record);
    }
    // Version 2 allows processes in leaves only.
    for (const cgroup of groups.filter(({ name }) => /\/(1|2|b)$/.test(name))) {
      workers.set(cgroup, await cgroup.run(WORKER));
    }
  });

  after(async () => {
    housekeeper.stop();
    for (const cgroup of groups.toReversed()) await cgroup.remove();
  });

  /** What the newest sample says, once there is one from after `time`, µs since the epoch. */
  async function sampledAfter(time: number, cgroup: RealCgroup): Promise<number> {
    const { ring, latest, cpuColumn } = records.get(cgroup)!.get(SAMPLING)!;
    await until(
      () => ring.latestTime > time,
      () => `a sample of ${cgroup.name}`,
    );
    return latest.values[latest.base + cpuColumn]!;
  }

  it('hold the CPU time that the kernel says, whichever cgroup of a tree ran in between', async () => {
    housekeeper.start();
    for (let round = 0; round < ROUNDS; round++) {
      const [, worker] = [...workers][round % workers.size]!;
      worker.write(`line ${round}\n`);
      await worker.said(`done line ${round}\n`);
      for (const cgroup of groups) await assertCurrent(cgroup);
    }
    const { idle, taken } = housekeeper.sampler;
    assert.ok(idle > taken / 10, `${idle} of ${taken} samples were repeated`);
  });

  /** The worker may still be going to sleep: what is compared must have stood still meanwhile. */
  async function assertCurrent(cgroup: RealCgroup): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      const before = cpuTimeOf(cgroup);
      const sampled = await sampledAfter(clock.now() + FRESH_US, cgroup);
      if (cpuTimeOf(cgroup) !== before) continue;
      assert.equal(sampled, before, cgroup.name);
      return;
    }
    assert.fail(`the CPU time of ${cgroup.name} never stood still`);
  }
});

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { projectRoot } from '../project.js';

/** What test/service/guest/cgroup-v2.mjs found in the virtual machine. */
interface Verdict {
  readonly numbers: readonly Comparison[];
  readonly containers: readonly Container[];
  readonly tree: {
    readonly missing: string[];
    readonly unknown: string[];
    readonly found: number;
    /** Cgroups of Podman's monitor processes that exist and are not in the answer. */
    readonly monitors: number;
  };
  readonly machine: { readonly num_cores: number; readonly memory_capacity: number };
  readonly end: number | string;
}

/** A container that an engine started, with its cgroup as the kernel names it, and what the API told of it. */
interface Container {
  readonly runtime: string;
  readonly id: string;
  readonly image: string;
  readonly cgroup: string;
  readonly told: {
    readonly path: string;
    readonly byId: readonly string[];
    readonly aliases: readonly string[];
    readonly namespace: string;
    readonly image: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly numbers: readonly Comparison[];
}

/** A number of the API, and what the kernel's file said before and after the question. */
interface Comparison {
  readonly what: string;
  readonly low: number | string;
  readonly api: number | string | undefined;
  readonly high: number | string;
}

const work = mkdtempSync(join(tmpdir(), 'tallyman-test-v2-'));
after(() => rmSync(work, { recursive: true, force: true }));

/** Installs the built agent in the virtual machine, runs the guest's side of the test and brings its verdict back. */
function askTheMachine(): Verdict {
  const folder = join(work, 'agent');
  const output = join(work, 'output');
  execFileSync(process.execPath, [join(projectRoot, 'scripts/production-tree.mjs'), folder]);
  cpSync(join(projectRoot, 'test/service/guest'), join(folder, 'guest'), { recursive: true });
  const args = [join(projectRoot, 'test/vm/run.mjs'), '--timeout', '600', '--output', output, folder];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...args, 'node', 'guest/cgroup-v2.mjs'], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, `the virtual machine's side failed (${status}):\n${stdout}\n${stderr}`);
  return JSON.parse(readFileSync(join(output, 'verdict.json'), 'utf8')) as Verdict;
}

const outside = (numbers: readonly Comparison[]) =>
  numbers.filter(({ low, api, high }) => api === undefined || api < low || api > high);

/** The cgroup of a container under the systemd driver. */
const SCOPES: Readonly<Record<string, (id: string) => string>> = {
  docker: (id) => `/system.slice/docker-${id}.scope`,
  podman: (id) => `/machine.slice/libpod-${id}.scope`,
};

test('on a cgroup v2 host with systemd', async (t) => {
  const verdict = askTheMachine();

  await t.test('numbers of limited systemd units are the kernel’s', () => {
    assert.deepEqual(outside(verdict.numbers), []);
    assert.ok(verdict.numbers.length > 60, `${verdict.numbers.length} numbers were compared`);
  });

  await t.test('the work of the units shows', () => {
    const value = (what: string) => Number(verdict.numbers.find((number) => number.what === what)?.api);
    assert.equal(value('tallyman-resting: memory.limit'), 64 * 1024 * 1024);
    assert.ok(value('tallyman-resting: cpu.usage.total') > 0);
    assert.ok(value('tallyman-resting: memory.usage') > 0);
    assert.ok(value('tallyman-busy: cpu.cfs.throttled_periods') > 0);
    const written = verdict.numbers.filter(({ what }) => /diskio\.io_service_bytes\..*\.Write$/.test(what));
    assert.ok(
      written.some(({ api }) => Number(api) >= 32 * 64 * 1024),
      'a unit wrote 2 MiB',
    );
  });

  for (const [runtime, scope] of Object.entries(SCOPES)) {
    await t.test(`a container of ${runtime} in its scope has its names, limits and numbers`, () => {
      const { id, image, cgroup, told, numbers } = verdict.containers.find((one) => one.runtime === runtime)!;
      assert.equal(cgroup, scope(id));
      const { labels, ...names } = told;
      const aliases = [`of-${runtime}`, id];
      assert.deepEqual(names, { path: cgroup, byId: [cgroup], aliases, namespace: runtime, image });
      assert.equal(labels['com.acme.tier'], 'front');
      assert.deepEqual(outside(numbers), []);
      const value = (what: string) => Number(numbers.find((one) => one.what === `of-${runtime}: ${what}`)?.api);
      assert.equal(value('memory.limit'), 64 * 1024 * 1024);
      assert.deepEqual([value('cpu.quota'), value('processes.limit')], [25_000, 50]);
      assert.ok(value('network.eth0.rx_packets') >= 3, 'three answers to its ping');
      assert.ok(value('cpu.psi.some.total') > 0, 'its quota held it up');
    });
  }

  await t.test('every cgroup is known, and none that does not exist', () => {
    const { missing, unknown, found, monitors } = verdict.tree;
    assert.deepEqual({ missing, unknown }, { missing: [], unknown: [] });
    assert.ok(found > 10);
    assert.equal(monitors, 1);
  });

  await t.test('the machine is the guest, and the agent ends by itself', () => {
    assert.equal(verdict.machine.num_cores, 2);
    assert.ok(verdict.machine.memory_capacity > 1024 ** 3 && verdict.machine.memory_capacity <= 2 * 1024 ** 3);
    assert.equal(verdict.end, 0);
  });
});

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Controller } from '../../src/kernel/contracts/index.js';
import type { WatchDirectory } from '../../src/kernel/discovery/index.js';
import { createCgroupFiles, DescriptorBudget, detectHierarchies } from '../../src/kernel/linux/index.js';
import { accepted, makeRegistry, type TestDiscoveryOptions, type TestRegistry, until } from '../support/discovery.js';
import { needs } from '../support/needs.js';

const hierarchies = detectHierarchies({ root: '/', proc: '/proc', sys: '/sys', cgroup: '/sys/fs/cgroup' });
const top = `/tallyman-test-${process.pid}-discovery`;
const made: string[] = [];

const paths = (name: string, controllers?: readonly Controller[]) =>
  hierarchies.mounts
    .filter((mount) => controllers === undefined || mount.controllers.some((name) => controllers.includes(name)))
    .map((mount) => mount.path + name);

function make(name: string, controllers?: readonly Controller[]): void {
  for (const path of paths(name, controllers)) {
    mkdirSync(path);
    made.push(path);
  }
}

function remove(name: string, controllers?: readonly Controller[]): void {
  for (const path of paths(name, controllers)) {
    rmdirSync(path);
    made.splice(made.lastIndexOf(path), 1);
  }
}

/** Removes what tests left behind, children first. */
function clean(keep: (path: string) => boolean): void {
  for (const path of made.filter((path) => !keep(path)).reverse()) rmdirSync(path);
  made.splice(0, made.length, ...made.filter(keep));
}

describe('discovery on the real cgroup hierarchies', { skip: needs('cgroup v1', 'cgroups') }, () => {
  let running: TestRegistry[] = [];

  before(() => make(top));
  after(() => clean(() => false));
  afterEach(() => {
    for (const registry of running) registry.stop();
    running = [];
    clean((path) => path.endsWith(top));
  });

  /** A registry that sees what this test makes and nothing else of this machine. */
  async function start(options: TestDiscoveryOptions = {}): Promise<ReturnType<typeof makeRegistry>> {
    const budget = new DescriptorBudget(64);
    const started = makeRegistry(hierarchies, {
      handlers: () => [
        { id: 'test', handler: { identify: (path) => (path.startsWith(top) ? accepted : { verdict: 'pass' }) } },
      ],
      createFiles: (name) => createCgroupFiles(hierarchies, name, budget),
      countsFile: '/proc/cgroups',
      coalesceMs: 30,
      ...options,
    });
    running.push(started.registry);
    await started.registry.start();
    return started;
  }

  it('detects creation and removal of a cgroup in all hierarchies', async () => {
    const { registry, recorder } = await start();
    make(`${top}/all`);
    await recorder.waitFor(`added ${top}/all`);
    const container = registry.get(`${top}/all`)!;
    assert.deepEqual(container.missing, []);
    assert.equal(container.cgroup.directory('memory'), `${paths('', ['memory'])[0]}${top}/all`);
    assert.deepEqual(registry.children(top), [`${top}/all`]);
    remove(`${top}/all`);
    await recorder.waitFor(`removed ${top}/all`);
  });

  it('detects a cgroup in any single hierarchy', async () => {
    make(`${top}/other`);
    const { registry, recorder } = await start();
    for (const { controllers } of hierarchies.mounts) {
      const name = `${top}/only-${controllers[0]}`;
      make(name, controllers);
      await recorder.waitFor(`added ${name}`);
      assert.deepEqual([...registry.get(name)!.controllers], controllers);
    }
  });

  it('detects a cgroup in a single hierarchy below a leaf by the kernel’s counts', async () => {
    make(`${top}/leaf`);
    const { registry, recorder } = await start({ checkIntervalMs: 20 });
    assert.equal(registry.watchedDirectories().find(({ name }) => name === `${top}/leaf`)?.directories.length, 1);
    make(`${top}/leaf/below`, ['pids']);
    await recorder.waitFor(`added ${top}/leaf/below`);
  });

  it('asks again for each controller that is added later', async () => {
    const { registry, recorder } = await start({ checkIntervalMs: 20 });
    const name = `${top}/slow`;
    for (const { controllers } of hierarchies.mounts) {
      const before = registry.get(name)?.controllers.size ?? 0;
      make(name, controllers);
      await until(
        () => (registry.get(name)?.controllers.size ?? 0) === before + controllers.length,
        () => `${controllers} of ${name}`,
      );
    }
    assert.equal(recorder.lines.filter((line) => line === `added ${name}`).length, 1);
    assert.ok(!recorder.lines.includes(`removed ${name}`));
    assert.ok(recorder.lines.includes(`controllers ${name}`));
  });

  it('detects nested cgroups that are created at once', async () => {
    const { recorder } = await start();
    const names = [`${top}/n1`, `${top}/n1/n2`, `${top}/n1/n2/n3`];
    for (const name of names) make(name);
    await recorder.waitFor(...names.map((name) => `added ${name}`));
    for (const name of names.toReversed()) remove(name);
    await recorder.waitFor(...names.map((name) => `removed ${name}`));
  });

  it('tolerates the removal of a cgroup while it is examined', async () => {
    const { registry, recorder } = await start({
      handlers: () => [
        {
          id: 'test',
          handler: {
            identify(path) {
              if (!path.startsWith(`${top}/`)) return { verdict: 'pass' };
              if (path.endsWith('/brief')) remove(path);
              return accepted;
            },
          },
        },
      ],
    });
    make(`${top}/brief`);
    make(`${top}/lasting`);
    await recorder.waitFor(`added ${top}/lasting`, `removed ${top}/brief`);
    assert.equal(registry.get(`${top}/brief`), undefined);
  });

  it('reports a cgroup that was created again between two checks as a new one', async () => {
    make(`${top}/again`);
    make(`${top}/again/child`);
    const { registry, recorder } = await start();
    const before = registry.get(`${top}/again`);
    remove(`${top}/again/child`);
    remove(`${top}/again`);
    make(`${top}/again`);
    await recorder.waitFor(`removed ${top}/again/child`, `removed ${top}/again`);
    assert.equal(recorder.lines.at(-1), `added ${top}/again`);
    assert.notEqual(registry.get(`${top}/again`), before);
    make(`${top}/again/child`);
    await until(
      () => recorder.present.has(`${top}/again/child`),
      () => 'a child of the new one',
    );
  });

  for (const watches of ['with watches', 'without watches'] as const) {
    it(`misses nothing in a storm of creations and removals, ${watches}`, async () => {
      const refuse: WatchDirectory = () => {
        throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
      };
      const { recorder } = await start(
        watches === 'with watches' ? {} : { watchDirectory: refuse, checkIntervalMs: 30 },
      );
      const existing = new Set<string>([top]);
      for (let i = 0; i < 300; i++) {
        const name = `${top}/storm-${i}`;
        make(name);
        existing.add(name);
        if (i % 10 === 0) {
          make(`${name}/child`);
          existing.add(`${name}/child`);
        } else if (i % 2 === 1) {
          remove(name);
          existing.delete(name);
          if (i % 3 === 0) {
            make(name);
            existing.add(name);
          }
        }
        if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      const equal = () =>
        recorder.present.size === existing.size && [...existing].every((n) => recorder.present.has(n));
      await until(equal, () => `${recorder.present.size} of ${existing.size} are known`);
      clean((path) => path.endsWith(top));
      await until(
        () => recorder.present.size === 1,
        () => `left over: ${[...recorder.present.keys()].join(' ')}`,
      );
      assert.ok(!recorder.lines.some((line) => line.includes('twice') || line.includes('stranger')));
    });
  }
});

const unified = hierarchies.unified;
const offered = unified === undefined ? [] : words(`${unified}/cgroup.controllers`);
const [offer] = (['pids', 'memory', 'hugetlb'] as const).filter((name) => offered.includes(name));

function words(file: string): string[] {
  return readFileSync(file, 'utf8')
    .split(/\s+/)
    .filter((word) => word !== '');
}

describe('discovery on a real cgroup2 hierarchy', {
  skip: needs('root', 'cgroups', 'cgroup2 controllers'),
}, () => {
  const name = `/tallyman-test-${process.pid}-unified`;

  it('detects cgroups and the controllers that are enabled for them', async () => {
    const control = `${unified}/cgroup.subtree_control`;
    const wasEnabled = words(control).includes(offer!);
    const { registry, recorder } = makeRegistry({ version: 2, mounts: [{ controllers: [offer!], path: unified! }] });
    await registry.start();
    const created: string[] = [];
    try {
      if (!wasEnabled) writeFileSync(control, `+${offer}`);
      for (const cgroup of [name, `${name}/child`]) {
        mkdirSync(unified + cgroup);
        created.push(unified + cgroup);
        await recorder.waitFor(`added ${cgroup}`);
      }
      const child = registry.get(`${name}/child`)!;
      assert.deepEqual([...child.controllers], []);
      writeFileSync(`${unified}${name}/cgroup.subtree_control`, `+${offer}`);
      await recorder.waitFor(`controllers ${name}/child`);
      assert.deepEqual([...child.controllers], [offer]);
      rmdirSync(created.pop()!);
      rmdirSync(created.pop()!);
      await recorder.waitFor(`removed ${name}/child`, `removed ${name}`);
    } finally {
      registry.stop();
      for (const path of created.reverse()) rmdirSync(path);
      if (!wasEnabled) writeFileSync(control, `-${offer}`);
    }
  });
});

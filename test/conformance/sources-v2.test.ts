// What the metric sources say of the cgroups of a recorded cgroup v2 host, against its files read another way.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { ProbeTarget } from '../../src/kernel/contracts/index.js';
import {
  createCgroupFiles,
  DescriptorBudget,
  detectHierarchies,
  resolveHostPaths,
} from '../../src/kernel/linux/index.js';
import { projectRoot } from '../project.js';
import { numbersOf } from '../support/kernel-oracle.js';
import { absent, attached, RAW, sampleOf } from '../support/probes.js';
import { builtinSource, cgroupSample } from '../support/source-bench.js';
import { TestHost } from '../support/test-host.js';

const root = join(projectRoot, 'test/fixtures/cgroup-v2');
const paths = resolveHostPaths({ root });
const host = new TestHost(root);
host.devices.set('254:0', '/dev/vda');
const { cgroups, container } = JSON.parse(readFileSync(join(root, 'units.json'), 'utf8'));

function targetOf(name: string): ProbeTarget {
  const cgroup = createCgroupFiles(detectHierarchies(paths), name, new DescriptorBudget(0));
  return { name, isRoot: name === '/', cgroup, description: RAW };
}

function textOf(name: string, file: string): string | undefined {
  try {
    return readFileSync(join(paths.cgroup, name, file), 'latin1');
  } catch {
    return undefined;
  }
}

describe('cgroups of a recorded v2 host', () => {
  for (const name of ['/', '/system.slice', ...(Object.values(cgroups) as string[])]) {
    it(name.replace(container, '<id>'), async () => {
      const sample = await cgroupSample(targetOf(name), host);
      const expected = numbersOf(2, (_, file) => textOf(name, file));
      assert.ok(Object.keys(expected).length > 10);
      for (const [key, value] of Object.entries(expected)) assert.equal(sample[key], value, key);
    });
  }

  it('have a working set of usage minus inactive page cache', async () => {
    const sample = await cgroupSample(targetOf(cgroups['tallyman-limited']), host);
    const usage = Number(textOf(cgroups['tallyman-limited'], 'memory.current'));
    assert.equal(sample['memory.working_set'], usage - Number(sample['memory.total_inactive_file']));
  });

  it('have pressure for a unit and the machine', async () => {
    const source = await builtinSource('pressure', host);
    for (const name of ['/', cgroups['tallyman-limited']]) {
      const sample = sampleOf(attached(source, targetOf(name)));
      const text = textOf(name, 'io.pressure') ?? '';
      const [, avg10, total] = /^full avg10=(\S+) .* total=(\d+)$/m.exec(text) ?? [];
      assert.equal(sample?.['pressure.io.full.avg10'], Number(avg10));
      assert.equal(sample?.['pressure.io.full.total'], Number(total));
      assert.equal(Object.keys(sample ?? {}).length, 24);
    }
  });

  it('have memory by node, in pages', async () => {
    const source = await builtinSource('memory_numa', host);
    const sample = sampleOf(attached(source, targetOf(cgroups['tallyman-limited'])));
    const [, anon] = /^anon N0=(\d+)$/m.exec(textOf(cgroups['tallyman-limited'], 'memory.numa_stat') ?? '') ?? [];
    assert.deepEqual(Object.keys(sample ?? {}).sort(), [
      'memory.numa.hierarchical.anon{0}',
      'memory.numa.hierarchical.file{0}',
      'memory.numa.hierarchical.unevictable{0}',
    ]);
    assert.equal(sample?.['memory.numa.hierarchical.anon{0}'], Number(anon) / 4096);
  });

  it('are expected to lack fields of v1', async () => {
    for (const name of ['percpu', 'cpuset']) {
      assert.equal(absent(await builtinSource(name, host), targetOf('/system.slice')).expected, true);
    }
  });
});

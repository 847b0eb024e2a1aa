import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Housekeeper, SAMPLING } from '../../src/kernel/housekeeping/index.js';
import {
  createCgroupFiles,
  DescriptorBudget,
  detectHierarchies,
  resolveHostPaths,
} from '../../src/kernel/linux/index.js';
import { createClock } from '../../src/kernel/log/index.js';
import { type ActivePlugin, Supervisor } from '../../src/kernel/supervision/index.js';
import { PluginRecord } from '../../src/kernel/supervision/record.js';
import cpu from '../../src/plugins/metric-sources/cpu/index.js';
import diskIo from '../../src/plugins/metric-sources/disk-io/index.js';
import memory from '../../src/plugins/metric-sources/memory/index.js';
import { containerNamed } from '../support/containers.js';
import { pluginContext } from '../support/handler-bench.js';
import { SILENT } from '../support/loggers.js';
import { needs } from '../support/needs.js';
import { RAW } from '../support/probes.js';
import { RealCgroup } from '../support/real-cgroup.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const CYCLES = 10_000;
const SAMPLES = 3;
/** What thousands of cycles may leave: caches that fill once, not something per container. Bytes. */
const ALLOWANCE = 2 * 1024 * 1024;

function heapInUse(): number {
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const openDescriptors = () => readdirSync('/proc/self/fd').length;

describe('containers that are created and removed', { skip: needs('cgroups') }, () => {
  const cgroup = new RealCgroup(`/tallyman-growth-${process.pid}`).create();
  after(() => cgroup.remove());

  it(`leave no memory and no descriptor behind in ${CYCLES} cycles`, async () => {
    const clock = createClock();
    const budget = DescriptorBudget.fromLimits(readFileSync('/proc/self/limits', 'utf8'));
    const hierarchies = detectHierarchies(resolveHostPaths());
    const context = pluginContext();
    const options = {
      interval: 1000,
      maxInterval: 1000,
      dynamic: true,
      jitter: 0,
      idleRefresh: 0,
      maxIdleRefresh: 0,
      historyDurationMs: 120_000,
    };
    const discovery = { recheck() {} };
    const housekeeper = new Housekeeper(options, clock, SILENT, new Supervisor(clock, SILENT), discovery, {
      get: () => undefined,
    });
    const sources = [cpu, memory, diskIo].map((plugin): ActivePlugin<'metric-source'> => {
      const record = new PluginRecord(plugin.name, plugin.name, plugin.name, 'fail');
      record.state = 'running';
      const config = plugin.configSchema.parse({});
      return { record, kind: 'metric-source', instance: plugin.create(context, config as never) };
    });
    for (const source of sources) housekeeper.sourceAdded(source, sources);

    const cycle = async () => {
      const files = createCgroupFiles(hierarchies, cgroup.name, budget);
      const container = containerNamed(cgroup.name, { description: RAW, cgroup: files });
      housekeeper.added(container);
      for (let i = 0; i < SAMPLES; i++) await housekeeper.refresh([container], 0);
      const { ring } = container.get(SAMPLING)!;
      assert.equal(ring.length, SAMPLES);
      housekeeper.removed(container);
    };
    for (let i = 0; i < 500; i++) await cycle();
    const [memoryBefore, descriptorsBefore] = [heapInUse(), openDescriptors()];
    for (let i = 0; i < CYCLES; i++) await cycle();
    const growth = heapInUse() - memoryBefore;
    context.dispose();
    assert.equal(openDescriptors(), descriptorsBefore);
    assert.equal(budget.kept, 0);
    assert.ok(growth < ALLOWANCE, `grew by ${growth} bytes, ${(growth / CYCLES).toFixed(1)} per container`);
  });
});

describe('history', () => {
  it('takes 4 bytes per integer that varies, 8 per fraction and time, as docs/performance.md says', async () => {
    const { LayoutTable, SampleRing, SampleRow } = await import('../../src/kernel/history/index.js');
    const [width, integers, fractions] = [35, 20, 3];
    const varying = integers + fractions;
    const field = { name: 'x', unit: 'count', kind: 'gauge', help: '', source: {} } as const;
    const columns = Array.from({ length: width }, (_, i) => ({ field: { ...field, name: `x${i}` } }));
    const layout = new LayoutTable().intern(columns);
    const row = new SampleRow();
    const ring = new SampleRing(120_000_000);
    for (let second = 0; second < 600; second++) {
      row.begin(width);
      for (let i = 0; i < varying; i++) row.set(i, i < integers ? second : second / 3);
      ring.push(layout, second * 1_000_000, row);
    }
    assert.equal(ring.length, 121);
    // One row more than are held, for the next one; the newest row whole; which columns vary, and from which number.
    assert.equal(ring.bytes, 122 * (8 + integers * 4 + fractions * 8) + width * 8 + varying * (2 + 8));
  });
});

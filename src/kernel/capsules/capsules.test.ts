import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { CapsuleInfo, FieldDescriptor, SampleCursor } from '../contracts/index.js';
import { LayoutTable, SampleRing, SampleRow } from '../history/index.js';
import { UNKNOWN_MACHINE } from '../linux/index.js';
import { CapsuleStore, capsuleFile } from './capsule-store.js';
import { type CapsuleDraft, decodeCapsule, encodeCapsule } from './format.js';
import { captureSamples, SampleReader, sampleLines } from './series.js';

const field = (name: string): FieldDescriptor => ({ name, unit: 'bytes', kind: 'gauge', help: name, source: {} });

const info = (id: string, createdAt = 1): CapsuleInfo => ({
  id,
  container: '/docker/1',
  label: 'web',
  createdAt,
  reasons: [{ kind: 'exit', time: 1, text: 'exit code 1' }],
  agentVersion: '1',
});

function draft(change: Partial<CapsuleDraft> = {}): CapsuleDraft {
  return {
    info: info('a'),
    container: {
      name: '/docker/1',
      description: {
        aliases: ['web'],
        labels: { shown: 'yes' },
        unpublishedLabels: { hidden: 'a secret' },
        envs: {},
        networkMode: 'own',
        state: { status: 'exited', exitCode: 1 },
      },
      createdAt: 5,
      createdAtExtraNs: 6,
      limits: {
        cgroupVersion: 1,
        hasCpu: true,
        cpu: { limit: 1024n },
        hasMemory: true,
        memory: { limit: 9223372036854771712n, swapLimit: 'unlimited' },
        hasProcesses: false,
        processes: {},
        createdAt: 5,
        createdAtExtraNs: 6,
      },
      children: [],
      parts: ['cpu'],
      missing: [],
      appMetrics: {
        specs: [],
        targets: [],
        history: [
          [
            {
              time: 7,
              series: [{ name: 'x', labels: {}, label: '', format: 'float' }],
              values: Float64Array.of(Number.NaN),
            },
          ],
        ],
      },
    },
    events: [{ containerName: '/docker/1', type: 'containerDeletion', time: 9, exitCode: 1 }],
    host: { machine: UNKNOWN_MACHINE, versions: { kernelVersion: '6', osVersion: 'x' }, filesystems: [] },
    samples: [],
    rootSamples: [],
    ...change,
  };
}

const NUMBER = fc.oneof(fc.integer(), fc.double(), fc.constant(Number.NaN), fc.constant(0), fc.maxSafeInteger());
const BIG = fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n });

function ringOf(rows: readonly (readonly (number | bigint)[])[]): SampleRing {
  const layouts = new LayoutTable();
  const ring = new SampleRing(Number.POSITIVE_INFINITY);
  const row = new SampleRow();
  for (const [i, values] of rows.entries()) {
    const layout = layouts.intern(
      values.map((_, column) => ({ field: field(`f${column % 2}`), labels: [String(column)] })),
    );
    row.begin(values.length);
    for (const [column, value] of values.entries()) {
      if (typeof value === 'number') row.set(column, value);
      else row.setExact(column, Number(value), Number(value - BigInt(Number(value))));
    }
    ring.push(layout, 1_700_000_000_000_000 + i * 1_000_003, row);
  }
  return ring;
}

function contentOf(ring: SampleRing) {
  const window = ring.window();
  return Array.from({ length: window.length }, (_, i) => {
    const { layout, time, values, residuals, base } = window.at(i, {} as SampleCursor);
    const numbers = layout.columns.map((_column, column) => {
      const value = values[base + column]!;
      const residual = residuals === undefined ? 0 : residuals[base + column]!;
      // JSON has no infinities: what is not finite is absent.
      return Number.isFinite(value) ? `${value === 0 ? 0 : value} ${residual}` : 'absent';
    });
    return { time, numbers, columns: layout.columns.map(({ field: { name }, labels }) => [name, labels]) };
  });
}

describe('samples of a capsule', () => {
  it('are read as they were written, whatever their numbers and layouts', () => {
    const rows = fc.array(fc.array(fc.oneof({ weight: 9, arbitrary: NUMBER }, BIG), { maxLength: 4 }), {
      maxLength: 9,
    });
    fc.assert(
      fc.property(rows, (values) => {
        const ring = ringOf(values);
        const reader = new SampleReader();
        for (const line of sampleLines('container', captureSamples(ring.window()))) {
          reader.take(JSON.parse(JSON.stringify(line)));
        }
        assert.deepEqual(contentOf(reader.finish()), contentOf(ring));
      }),
    );
  });
});

describe('the file of a capsule', () => {
  it('holds what was captured, without labels that are not published', async () => {
    const samples = captureSamples(
      ringOf([
        [1, 2],
        [3, 4],
      ]).window(),
    );
    const given = draft({ samples });
    const file = await encodeCapsule(given);
    assert.doesNotMatch(gunzipSync(file).toString(), /hidden|secret/);
    const read = await decodeCapsule(file, 'x');
    const { unpublishedLabels: _, ...published } = given.container.description;
    assert.deepEqual(read.info, given.info);
    assert.deepEqual(read.container, { ...given.container, description: published });
    assert.deepEqual([read.events, read.host.versions], [given.events, given.host.versions]);
    assert.equal(read.samples.length, 2);
  });

  it('is refused when it is cut short, of a newer version, or something else', async () => {
    const file = await encodeCapsule(draft());
    for (let length = 0; length < file.length; length += 7) {
      await assert.rejects(decodeCapsule(file.subarray(0, length), 'x'), /^TallymanError: x /);
    }
    const text = gunzipSync(file).toString();
    const refused = (content: string, error: RegExp) => assert.rejects(decodeCapsule(gzipSync(content), 'x'), error);
    await refused(text.replace('"version":1', '"version":2'), /version 2 of the format/);
    await refused(text.slice(0, text.lastIndexOf('{')), /x is cut short/);
    await refused('{}', /x is not a capsule/);
    await refused(text.replace('"kind":"host"', '"kind":"other"'), /it has no container or no host/);
  });

  it('is refused without a crash, whatever its lines are', async () => {
    const [head, ...rest] = gunzipSync(await encodeCapsule(draft()))
      .toString()
      .trimEnd()
      .split('\n');
    await fc.assert(
      fc.asyncProperty(fc.json(), fc.nat(rest.length - 2), async (odd, at) => {
        const lines = [head, ...rest.toSpliced(at, 1, odd), ''];
        await decodeCapsule(gzipSync(lines.join('\n')), 'x').catch((error: Error) => {
          assert.equal(error.name, 'TallymanError', error.stack);
        });
      }),
      { numRuns: 50 },
    );
  });
});

describe('CapsuleStore', () => {
  const root = mkdtempSync(join(tmpdir(), 'tallyman-test-capsules-'));
  let directory = root;
  let bounds = { count: 100, bytes: 1e9, age: 1e9 };
  const warnings: string[] = [];
  const open = async (now = 1) => {
    const store = new CapsuleStore(
      directory,
      () => bounds,
      { warn: (text) => warnings.push(text) },
      () => now,
    );
    await store.open();
    return store;
  };
  after(() => rmSync(root, { recursive: true }));
  beforeEach(() => {
    directory = mkdtempSync(join(root, 'x'));
    bounds = { count: 100, bytes: 1e9, age: 1e9 };
    warnings.length = 0;
  });
  const ids = (store: CapsuleStore) => store.list().map(({ id }) => id);

  it('finds again what an earlier agent wrote, and removes what it did not finish', async () => {
    const content = await encodeCapsule(draft());
    await (await open()).write(info('a'), content);
    writeFileSync(`${capsuleFile(directory, 'b')}.new`, content.subarray(0, 50));
    writeFileSync(capsuleFile(directory, 'torn'), content.subarray(0, 50));
    writeFileSync(join(directory, 'notes.txt'), 'of somebody else');
    const store = await open();
    assert.deepEqual(ids(store), ['a']);
    assert.deepEqual(await store.read('a'), content);
    assert.equal(await store.read('../notes.txt'), undefined);
    assert.deepEqual(readdirSync(directory).sort(), ['a.capsule', 'notes.txt', 'torn.capsule']);
    assert.match(warnings.join(), /torn\.capsule is left out of the capsules: .* cut short/);
  });

  it('removes the oldest beyond count, bytes and age', async () => {
    const store = await open(2_000);
    for (const [i, id] of ['a', 'b', 'c', 'd'].entries())
      await store.write(info(id, (i + 1) * 1000), Buffer.alloc(100));
    bounds = { ...bounds, count: 3 };
    await store.prune();
    assert.deepEqual(ids(store), ['b', 'c', 'd']);
    bounds = { ...bounds, bytes: 200 };
    await store.prune();
    assert.deepEqual(ids(store), ['c', 'd']);
    bounds = { ...bounds, age: 1_997 };
    await store.prune();
    assert.deepEqual(ids(store), ['c', 'd']);
    bounds = { ...bounds, age: 1_996 };
    await store.prune();
    assert.deepEqual(readdirSync(directory), ['d.capsule']);
  });

  it('leaves nothing behind when a capsule cannot be written', async () => {
    const store = await open();
    writeFileSync(join(directory, 'file'), '');
    const below = new CapsuleStore(join(directory, 'file'), () => bounds, { warn: () => {} });
    await assert.rejects(below.write(info('a'), Buffer.alloc(1)));
    assert.deepEqual([ids(below), ids(store)], [[], []]);
  });
});

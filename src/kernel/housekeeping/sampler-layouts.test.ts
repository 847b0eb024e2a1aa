import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { containerNamed } from '../../../test/support/containers.js';
import { columns, FakeProbe, FIELD, housekeepingBench } from '../../../test/support/housekeeping-bench.js';
import type { Column, Probe, RowWriter, SampleCursor, SampleOutcome } from '../contracts/index.js';
import { type MonitoredContainer, SAMPLING } from './index.js';

const NAMES = ['/x', '/y', '/z'];

/** A probe whose columns are labelled with the number that belongs into them. */
class LabelledProbe implements Probe {
  columns: readonly Column[] = [];
  private generation = 0;

  /** @param widths how many columns it has from one call of `sample` to the next; repeated for ever */
  constructor(
    private readonly container: number,
    private readonly widths: readonly number[],
    private readonly tells: boolean,
  ) {
    this.layOut();
  }

  sample(row: RowWriter): SampleOutcome {
    const before = this.columns.length;
    this.layOut();
    if (this.tells && this.columns.length !== before) return 'layout-changed';
    for (const [i, { labels }] of this.columns.entries()) row.set(i, Number(labels![0]));
    return 'ok';
  }

  close(): void {}

  private layOut(): void {
    const width = this.widths[this.generation++ % this.widths.length]!;
    if (width === this.columns.length && this.generation > 1) return;
    const first = this.container * 1e6 + this.generation * 100;
    this.columns = columns(...Array.from({ length: width }, (_, i) => String(first + i)));
  }
}

/** A bench with three containers, each with a steady probe of one column before and after one whose columns change. */
function threeContainers(widthsOf: (container: number) => { widths: readonly number[]; tells: boolean }) {
  const made = housekeepingBench({ before: 'absent', changing: 'absent', after: 'absent' }, { idleRefresh: 0 });
  for (const [place, { instance }] of made.sources.entries()) {
    const attach = ({ name }: { name: string }): Probe => {
      const container = NAMES.indexOf(name) + 1;
      const { widths, tells } = widthsOf(container);
      return new LabelledProbe(container, place === 1 ? widths : [1], tells);
    };
    Object.assign(instance, { attach });
  }
  const records = [made.record, ...NAMES.slice(1).map((name) => containerNamed(name))];
  for (const record of records.slice(1)) made.housekeeper.added(record);
  const sampleAll = async () => {
    made.time.now += 1_000_000;
    made.time.monotonic += 1000;
    await made.housekeeper.refresh(records, 0);
  };
  return { ...made, sampleAll, monitored: records.map((record) => record.get(SAMPLING)!) };
}

function cellsOf({ ring }: MonitoredContainer): { label: number; value: number }[][] {
  const window = ring.window();
  const cursor = {} as SampleCursor;
  return Array.from({ length: window.length }, (_, i) => {
    const { values, base, layout } = window.at(i, cursor);
    return layout.columns.map(({ labels }, column) => ({ label: Number(labels![0]), value: values[base + column]! }));
  });
}

describe('samples of containers whose columns change while they are taken', () => {
  const script = fc.record({
    widths: fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 12 }),
    tells: fc.boolean(),
  });

  it('hold under each column the number that belongs there, of the container it belongs to', async () => {
    await fc.assert(
      fc.asyncProperty(fc.tuple(script, script, script), async (scripts) => {
        const { housekeeper, sampleAll, monitored } = threeContainers((container) => scripts[container - 1]!);
        for (let i = 0; i < 12; i++) await sampleAll();
        for (const container of monitored) {
          const rows = cellsOf(container);
          assert.equal(rows.length, 12, 'a source that does not settle takes no sample of the others away');
          for (const cells of rows) for (const { label, value } of cells) assert.equal(value, label);
        }
        housekeeper.stop();
      }),
    );
  });

  it('leave out a source whose columns change at every read, which is reported once and shown as missing', async () => {
    const changing = { widths: [1, 2], tells: true };
    const { housekeeper, sampleAll, lines, container } = threeContainers((place) =>
      place === 1 ? changing : { widths: [13], tells: true },
    );
    for (let i = 0; i < 20; i++) await sampleAll();
    assert.deepEqual(
      cellsOf(container).map((cells) => cells.length),
      Array.from({ length: 20 }, () => 2),
    );
    assert.deepEqual(
      container.slots.map(({ isLeftOut }) => isLeftOut),
      [false, true, false],
    );
    const reported = lines.filter((line) => line.includes('changing') && line.includes('/x'));
    assert.equal(reported.length, 1, lines.join('\n'));
    housekeeper.stop();
  });

  it('have the source again as soon as its columns stay', async () => {
    const widths = [1, 2, 1, 2, 1, 2, 1, 2, 1, 2, ...Array.from({ length: 50 }, () => 3)];
    const { housekeeper, sampleAll, container } = threeContainers(() => ({ widths, tells: true }));
    for (let i = 0; i < 5; i++) await sampleAll();
    const lengths = cellsOf(container).map((cells) => cells.length);
    assert.equal(lengths[0], 2);
    assert.equal(lengths.at(-1), 5);
    housekeeper.stop();
  });

  it('are not disturbed by a source that makes a new list of the same columns each time', async () => {
    const probe = new FakeProbe();
    Object.defineProperty(probe, 'columns', { get: () => columns('a') });
    const { sample, rows, container } = housekeepingBench({ probe });
    for (let i = 0; i < 3; i++) await sample();
    assert.deepEqual(rows(), [[1], [1], [1]]);
    assert.equal(new Set([container.layout]).size, 1);
  });
});

describe('a probe that writes a column it does not have', () => {
  it('is faulty, and changes no number of the probes beside it', async () => {
    const [first, greedy, last] = [new FakeProbe(), new FakeProbe(), new FakeProbe()];
    greedy.sample = (row: { set(column: number, value: number): void }) => {
      row.set(0, 5);
      for (const column of [-1, 1, 300]) {
        try {
          row.set(column, 666);
        } catch {
          // A stranger's code may swallow it.
        }
      }
      row.set(1, 666);
      return 'ok';
    };
    first.columns = [{ field: { ...FIELD, name: 'first' } }];
    last.columns = [{ field: { ...FIELD, name: 'last' } }];
    last.value = 9;
    const { sample, rows, lines } = housekeepingBench({ first, greedy, last }, { idleRefresh: 0 });
    await sample();
    assert.deepEqual(rows(), [[1, Number.NaN, 9]]);
    assert.ok(
      lines.some((line) => line.includes('greedy') && line.includes('column 1')),
      lines.join('\n'),
    );
  });
});

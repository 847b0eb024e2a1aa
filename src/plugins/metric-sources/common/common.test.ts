import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { RecordingPart, rowOf } from '../../../../test/support/parts.js';
import { TestClock } from '../../../../test/support/probes.js';
import { ByteScanner } from '../../../kernel/contracts/bytes/index.js';
import type { CgroupFiles } from '../../../kernel/contracts/index.js';
import { ExactSum } from '../sched/index.js';
import { belongsTo, PacedPart, PartsProbe, StandingPart, skipCommand, TablePart, TableShapes } from './index.js';

it('sums any 64-bit integers exactly', () => {
  const u64 = fc.bigInt({ min: 0n, max: 2n ** 63n });
  fc.assert(
    fc.property(fc.array(u64, { maxLength: 20 }), (integers) => {
      const sum = new ExactSum();
      for (const integer of integers) sum.add(Number(integer), Number(integer - BigInt(Number(integer))));
      const expected = integers.reduce((total, integer) => total + integer, 0n);
      assert.equal(BigInt(sum.value) + BigInt(sum.residual), expected);
    }),
  );
});

it('a probe ends when the last of its files is gone', () => {
  const [first, second] = [new RecordingPart('a'), new RecordingPart('b')];
  const derived = new RecordingPart('c', 'derived');
  const probe = new PartsProbe([first, second, derived]);
  assert.deepEqual(rowOf(probe), { outcome: 'ok', values: [1, 1, 1] });
  first.outcome = 'gone';
  assert.equal(rowOf(probe).outcome, 'ok');
  rowOf(probe);
  assert.equal(first.samples, 2);
  second.outcome = 'gone';
  assert.equal(rowOf(probe).outcome, 'ended');
  probe.close();
  assert.deepEqual([first.closed, second.closed], [true, true]);
});

it('a part whose columns change moves the columns of the following parts', () => {
  const [first, second] = [new RecordingPart('a'), new RecordingPart('b')];
  const probe = new PartsProbe([first, second]);
  first.columns = [...first.columns, ...first.columns];
  first.outcome = 'layout-changed';
  assert.equal(rowOf(probe).outcome, 'layout-changed');
  first.outcome = 'ok';
  assert.deepEqual(rowOf(probe).values, [1, Number.NaN, 1]);
  assert.equal(probe.columns.length, 3);
});

it('a paced part repeats its last values, and drops values that are no longer read', () => {
  const clock = new TestClock();
  const part = new RecordingPart('a');
  const probe = new PartsProbe([new PacedPart(part, 100, clock)]);
  rowOf(probe);
  assert.deepEqual([rowOf(probe).values, part.samples], [[1], 1]);
  part.silent = true;
  clock.milliseconds += 100;
  assert.deepEqual([rowOf(probe).values, part.samples], [[Number.NaN], 2]);
});

/** A part that stands still until its test changes it. */
class TestStandingPart extends StandingPart<RecordingPart> {
  moved = false;
  movable = false;
  asked = 0;

  protected override hasNotMoved(): boolean {
    return !this.moved;
  }

  protected override cannotMove(): boolean {
    this.asked++;
    return !this.movable;
  }
}

const NO_FILES = {} as CgroupFiles;

it('a standing part repeats the previous numbers where that is allowed, until they have moved', () => {
  const part = new RecordingPart('a');
  const standing = new TestStandingPart(part, NO_FILES);
  const probe = new PartsProbe([standing]);
  assert.deepEqual([rowOf(probe).values, standing.asked], [[1], 0]);
  assert.deepEqual([rowOf(probe, [7]).values, part.samples], [[7], 1]);
  assert.deepEqual([rowOf(probe, [7]).values, part.samples, standing.asked], [[7], 1, 1]);
  standing.moved = true;
  assert.deepEqual([rowOf(probe).values, part.samples], [[1], 2], 'fresh numbers are asked for');
  assert.deepEqual([rowOf(probe, [7]).values, part.samples], [[1], 3], 'it moves');
});

it('a part that can move is always read', () => {
  const part = new RecordingPart('a');
  const standing = new TestStandingPart(part, NO_FILES);
  standing.movable = true;
  const probe = new PartsProbe([standing]);
  for (let reads = 1; reads < 4; reads++) assert.deepEqual([rowOf(probe, [7]).values, part.samples], [[1], reads]);
});

it('a file is parsed again for each container, unless its columns follow from its text alone', () => {
  const field = { name: 'n', unit: 'count', kind: 'gauge', help: '', source: {} } as const;
  for (const [byTextAlone, expected] of [
    [false, 4],
    [true, 2],
  ] as const) {
    const shapes = new TableShapes(byTextAlone);
    let parsed = 0;
    const prepare = (text: string) => {
      const source = { read: () => text.length, buffer: Buffer.from(text), failure: undefined, close() {} };
      const findCells = () => {
        parsed++;
        return [{ at: 2, column: { field } }];
      };
      const part = new TablePart(source, findCells, shapes);
      assert.equal(part.prepare(), true);
      return rowOf(new PartsProbe([part])).values;
    };
    assert.deepEqual(['a 5\n', 'a 67\n', 'a 8\n', 'b 9\n'].map(prepare), [[5], [67], [8], [9]]);
    assert.equal(parsed, expected);
  }
});

it('a number that cannot be read is absent, also when another file has the same shape', () => {
  const field = { name: 'n', unit: 'count', kind: 'gauge', help: '', source: {} } as const;
  const shapes = new TableShapes();
  const partOf = (text: string) => {
    const source = { read: () => text.length, buffer: Buffer.from(text), failure: undefined, close() {} };
    return new TablePart(source, () => [{ at: 2, column: { field } }], shapes);
  };
  const [first, second] = [partOf('a 5\n'), partOf(`a ${'9'.repeat(30)}\n`)];
  assert.deepEqual(rowOf(new PartsProbe([first])), { outcome: 'layout-changed', values: [] });
  assert.deepEqual(rowOf(new PartsProbe([first])), { outcome: 'ok', values: [5] });
  rowOf(new PartsProbe([second]));
  assert.deepEqual(rowOf(new PartsProbe([second])), { outcome: 'ok', values: [Number.NaN] });
});

it('belongsTo compares the cgroups of a process', () => {
  const lines = '5:cpu,cpuacct:/a/b\n0::/x:y\n';
  assert.equal(belongsTo('/a', lines), true);
  assert.equal(belongsTo('/a/b', lines), true);
  assert.equal(belongsTo('/a/b/c', lines), false);
  assert.equal(belongsTo('/x:y', lines), true);
  assert.equal(belongsTo('/a', '0::/ab\n'), false);
  assert.equal(belongsTo('/a', '0::/../../b\n'), true);
  fc.assert(fc.property(fc.string(), fc.string(), (name, text) => typeof belongsTo(name, text) === 'boolean'));
});

it('skipCommand accepts any command name', () => {
  const scanner = new ByteScanner();
  fc.assert(
    fc.property(fc.string({ maxLength: 15 }), (name) => {
      const bytes = Buffer.from(`12 (${name}) S 1 2`);
      assert.equal(skipCommand(scanner, bytes, bytes.length), true);
      assert.equal(scanner.peek(), 'S'.charCodeAt(0));
    }),
  );
  assert.equal(skipCommand(scanner, Buffer.from('12'), 2), false);
});

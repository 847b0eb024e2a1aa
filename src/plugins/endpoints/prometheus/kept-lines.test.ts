import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { Family } from './families.js';
import { type KeptLines, LineStore } from './kept-lines.js';

const NAMES = ['/a', '/b', '/c', '/d', '/e', '/f'];
const families = ['one', 'two', 'three'].map((name, index) => new Family(name, 'gauge', name, index));
const containers = NAMES.map((name) => ({ name, revision: 0 }));
type Container = (typeof containers)[number];

/** What a container has in a family, which depends on its revision. */
function linesOf({ name, revision }: Container, { index }: Family): string {
  return (revision + index) % 3 === 0 ? '' : `${name} ${revision}\n`.repeat(1 + ((revision + index) % 2));
}

/** An answer that is being written, a container at a time, and then sent. */
class AnswerInParts {
  private readonly expected = families.map(() => '');
  private readonly left: Container[];
  private lines: KeptLines;
  private isComplete = false;

  constructor(
    private readonly store: LineStore,
    private readonly isWhole: boolean,
    shown: readonly Container[],
  ) {
    this.left = [...shown];
    this.lines = store.begin(isWhole, shown.length);
  }

  /** @returns whether it has been sent */
  proceed(): boolean {
    const container = this.left.shift();
    if (container !== undefined) this.add(container);
    else if (!this.isComplete) {
      this.isComplete = true;
      this.lines = this.store.complete(this.lines, this.isWhole);
    } else {
      this.check();
      this.store.release(this.lines);
      return true;
    }
    return false;
  }

  private add(container: Container): void {
    const parts = families.map((family) => linesOf(container, family));
    for (const [i, part] of parts.entries()) this.expected[i] += part;
    const count = parts.join('').split('\n').length - 1;
    const kept = this.lines.add(container, container.revision);
    if (kept >= 0) {
      assert.equal(kept, count);
      return;
    }
    for (const [i, part] of parts.entries()) if (part !== '') this.lines.writer(families[i]!).text(part);
    this.lines.wrote(count);
  }

  private check(): void {
    assert.deepEqual(
      families.map((family) => this.lines.of(family)?.toString() ?? ''),
      this.expected,
    );
  }
}

it('gives each answer the lines of its own containers, whatever is written and sent at the same time', () => {
  const action = fc.oneof(
    fc.record({
      kind: fc.constant('begin' as const),
      shown: fc.subarray(containers),
      isWhole: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('proceed' as const), which: fc.nat(3), times: fc.integer({ min: 1, max: 8 }) }),
    fc.record({ kind: fc.constant('change' as const), changed: fc.subarray(containers) }),
  );
  fc.assert(
    fc.property(fc.array(action, { minLength: 10, maxLength: 60 }), (actions) => {
      const store = new LineStore();
      const open: AnswerInParts[] = [];
      const proceed = (at: number): void => {
        if (open[at]?.proceed() === true) open.splice(at, 1);
      };
      for (const action of actions) {
        if (action.kind === 'begin') open.push(new AnswerInParts(store, action.isWhole, action.shown));
        else if (action.kind === 'change') for (const container of action.changed) container.revision++;
        else for (let i = 0; i < action.times; i++) proceed(action.which);
      }
      while (open.length > 0) proceed(0);
    }),
    { numRuns: 500 },
  );
});

it('sends the lines of the answer before when nothing has changed', () => {
  const store = new LineStore();
  const write = (shown: readonly Container[]): KeptLines => {
    const lines = store.begin(true, shown.length);
    for (const { name } of shown) {
      const kept = lines.add(containers.find((one) => one.name === name)!, 1);
      if (kept < 0) lines.wrote(0);
    }
    return store.complete(lines, true);
  };
  const first = write(containers);
  assert.equal(write(containers), first);
  assert.notEqual(write(containers.slice(1)), first);
});

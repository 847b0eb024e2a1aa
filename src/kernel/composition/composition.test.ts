import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  Composition,
  LIFECYCLES,
  type Lifecycle,
  Lifecycles,
  ListToken,
  type Module,
  type Registry,
  Token,
} from './index.js';

const A = new Token<string>('A');
const B = new Token<string>('B');
const WORDS = new ListToken<string>('words');
const room = (name: string, register: (registry: Registry) => void): Module => ({ name, register });

describe('Composition', () => {
  it('makes what is needed once, from what it needs, in whatever order the rooms are listed', () => {
    let made = 0;
    const composition = new Composition([
      room('upper', (registry) => registry.provide(B, [A], (a) => `${a}b${++made}`)),
      room('lower', (registry) => registry.provide(A, [], () => 'a')),
    ]);
    assert.equal(made, 0, 'nothing is made before it is needed');
    assert.equal(composition.get(B), 'ab1');
    assert.equal(composition.get(B), 'ab1');
  });

  it('puts the contributions to a list in the order of what they need', () => {
    const composition = new Composition([
      room('top', (registry) => {
        registry.contribute(WORDS, [A, B], (a, b) => `top ${a}${b}`);
        registry.contribute(WORDS, [B], (b) => `needs ${b}`);
      }),
      room('b', (registry) => registry.provide(B, [A], (a) => `b(${a})`)),
      room('a', (registry) => {
        registry.provide(A, [], () => 'a');
        registry.contribute(WORDS, [], () => 'nothing');
        registry.contribute(WORDS, [A], (a) => `needs ${a}`);
      }),
    ]);
    assert.deepEqual(composition.all(WORDS), ['nothing', 'needs a', 'needs b(a)', 'top ab(a)']);
  });

  it('puts a contribution behind what other rooms contribute for what it needs', () => {
    const composition = new Composition([
      room('upper', (registry) => registry.contribute(WORDS, [A], () => 'upper')),
      room('a', (registry) => {
        registry.provide(A, [], () => 'a');
        // As when something is started later than it could be made.
        registry.contribute(WORDS, [A, B], () => 'a');
      }),
      room('b', (registry) => {
        registry.provide(B, [], () => 'b');
        registry.contribute(WORDS, [B], () => 'b');
      }),
    ]);
    assert.deepEqual(composition.all(WORDS), ['b', 'a', 'upper']);
    const each = (own: Token<string>, other: Token<string>) => (registry: Registry) => {
      registry.provide(own, [], () => '');
      registry.contribute(WORDS, [own, other], () => '');
    };
    assert.throws(
      () => new Composition([room('a', each(A, B)), room('b', each(B, A))]),
      /^Error: the words of a, b each need another to be in front$/,
    );
  });

  it('gives a list as what is needed', () => {
    const composition = new Composition([
      room('reader', (registry) => registry.provide(A, [WORDS], (words) => words.join(' '))),
      room('writer', (registry) => registry.contribute(WORDS, [], () => 'one')),
      room('other', (registry) => registry.contribute(WORDS, [], () => 'two')),
    ]);
    assert.equal(composition.get(A), 'one two');
  });

  it('refuses rooms that do not fit together', () => {
    const provideA = room('first', (registry) => registry.provide(A, [], () => ''));
    assert.throws(
      () => new Composition([provideA, room('second', provideA.register)]),
      /^Error: A is provided by first and by second$/,
    );
    const needsB = room('needy', (registry) => registry.provide(A, [B], (b) => b));
    assert.throws(() => new Composition([needsB]), /^Error: needy needs B, which no room provides$/);
    const back = room('back', (registry) => registry.provide(B, [A], (a) => a));
    assert.throws(
      () => new Composition([needsB, back]),
      /^Error: rooms need each other in a circle: A \(needy\) → B \(back\) → A \(needy\)$/,
    );
    const listed = room('listed', (registry) => {
      registry.provide(A, [WORDS], (words) => words.join());
      registry.contribute(WORDS, [A], (a) => a);
    });
    assert.throws(
      () => new Composition([listed]),
      /in a circle: .*words \(listed\) → A \(listed\)|in a circle: A \(listed\) → words \(listed\) → A/,
    );
  });

  it('lets overrides provide instead of the rooms', () => {
    const lower = room('lower', (registry) => registry.provide(A, [], () => 'a'));
    const upper = room('upper', (registry) => registry.provide(B, [A], (a) => `b(${a})`));
    const override = room('test', (registry) => registry.provide(A, [], () => 'fake'));
    assert.equal(new Composition([lower, upper], [override]).get(B), 'b(fake)');
  });

  it('has children that see what it provides, and dispose of what they made', async () => {
    const disposed: string[] = [];
    const parent = new Composition([room('parent', (registry) => registry.provide(A, [], () => 'a'))]);
    const FIRST = new Token<{ dispose(): void }>('first');
    const SECOND = new Token<{ dispose(): void }>('second');
    const child = parent.child(
      room('child', (registry) => {
        registry.provide(FIRST, [A], (a) => ({ dispose: () => void disposed.push(`first ${a}`) }));
        registry.provide(SECOND, [FIRST], () => ({ dispose: () => void disposed.push('second') }));
      }),
    );
    child.get(SECOND);
    await child.dispose();
    assert.deepEqual(disposed, ['second', 'first a']);
    assert.equal(parent.get(A), 'a');
  });
});

describe('Lifecycles', () => {
  function recorded(...names: string[]) {
    const calls: string[] = [];
    const errors: unknown[] = [];
    const note = (name: string): Lifecycle => ({
      start: () => void calls.push(`start ${name}`),
      quiesce: () => void calls.push(`quiesce ${name}`),
      stop: async () => void calls.push(`stop ${name}`),
    });
    const list = names.map(note);
    return { calls, errors, list, lifecycles: new Lifecycles(list, (error) => errors.push(error)) };
  }

  it('starts in order and stops in reverse, after everybody has finished what was under way', async () => {
    const { calls, lifecycles } = recorded('a', 'b');
    await lifecycles.start();
    await lifecycles.stop(1000);
    await lifecycles.stop(1000);
    assert.deepEqual(calls, ['start a', 'start b', 'quiesce b', 'quiesce a', 'stop b', 'stop a']);
  });

  it('stops what was started when a start fails, the failed one included', async () => {
    const { calls, list, lifecycles } = recorded('a', 'b', 'c');
    list[1]!.start = () => {
      throw new Error('no');
    };
    await assert.rejects(lifecycles.start(), /^Error: no$/);
    await lifecycles.stop(1000);
    assert.deepEqual(calls, ['start a', 'quiesce b', 'quiesce a', 'stop b', 'stop a']);
  });

  it('goes no further with a start when it is stopped meanwhile', async () => {
    const { calls, list, lifecycles } = recorded('a', 'b', 'c');
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    list[1]!.start = () => held;
    const start = lifecycles.start();
    await Promise.resolve();
    await lifecycles.stop(1000);
    release();
    await start;
    assert.ok(!calls.includes('start c'));
    assert.ok(calls.includes('stop b'));
  });

  it('stops the others when a stop fails, and reports the failure', async () => {
    const { calls, errors, list, lifecycles } = recorded('a', 'b');
    list[1]!.stop = () => Promise.reject(new Error('no'));
    await lifecycles.start();
    await lifecycles.stop(1000);
    assert.deepEqual(calls.slice(-2), ['quiesce a', 'stop a']);
    assert.deepEqual(errors.map(String), ['Error: no']);
  });

  it('is a list that rooms contribute to', () => {
    const life: Lifecycle = {};
    const composition = new Composition([room('a', (registry) => registry.contribute(LIFECYCLES, [], () => life))]);
    assert.deepEqual(composition.all(LIFECYCLES), [life]);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MAX_REMEMBERED_ROUTES, MAX_REMEMBERED_TARGETS, QueryReduction } from './queries.js';
import { HistoryReduction, IntervalReduction, SetReduction, type Stretchable } from './reductions.js';

interface Fake extends Stretchable {
  cost: number;
  watched?: boolean;
}

/** Containers of these costs, whose intervals begin at 1 s and end at 60 s. */
function intervalsOf(containers: Fake[]) {
  let forNew = 1;
  const reduction = new IntervalReduction<Fake>({
    all: () => containers,
    costOf: ({ cost }) => cost,
    scaleCost: (container, factor) => {
      container.cost *= factor;
    },
    isWatched: ({ watched = false }) => watched,
    intervalOf: (stretch) => Math.min(1000 * stretch, 60_000),
    stretchNew: (stretch) => {
      forNew = stretch;
    },
  });
  return { reduction, stretches: () => containers.map(({ stretch }) => stretch), forNew: () => forNew };
}

const container = (cost: number, more: Partial<Fake> = {}): Fake => ({ stretch: 1, interval: 1000, cost, ...more });

describe('stretched intervals', () => {
  it('begin with the most expensive containers, and reach as few as needed', () => {
    const { reduction, stretches } = intervalsOf([container(2), container(10), container(4)]);
    assert.equal(reduction.giveUp(5), 5);
    assert.deepEqual(stretches(), [1, 2, 1]);
    assert.equal(reduction.giveUp(3), 2 + 1);
    assert.deepEqual(stretches(), [2, 2, 2]);
  });

  it('reach a watched container last, and never far', () => {
    const { reduction, stretches } = intervalsOf([container(100, { watched: true }), container(8)]);
    reduction.giveUp(4);
    assert.deepEqual(stretches(), [1, 2]);
    reduction.giveUp(1e6);
    assert.equal(stretches()[0], 4);
    assert.ok(stretches()[1]! > 4);
  });

  it('leave idle containers alone, whose intervals are longer anyway', () => {
    const { reduction } = intervalsOf([container(5, { interval: 60_000 })]);
    assert.equal(reduction.giveUp(5), 0);
    assert.equal(reduction.isActive, false);
  });

  it('do not grow beyond the longest interval', () => {
    const { reduction, stretches } = intervalsOf([container(64)]);
    reduction.giveUp(1e6);
    assert.deepEqual(stretches(), [32]);
    assert.equal(reduction.giveUp(1e6), 0);
  });

  it('are taken back within the room, the watched containers first', () => {
    const { reduction, stretches } = intervalsOf([
      container(3, { stretch: 2 }),
      container(5, { stretch: 2, watched: true }),
    ]);
    assert.equal(reduction.takeBack(6), 5);
    assert.deepEqual(stretches(), [2, 1]);
    reduction.takeBack(Number.POSITIVE_INFINITY);
    assert.deepEqual(stretches(), [1, 1]);
    assert.equal(reduction.isActive, false);
  });

  it('apply to new containers once every unwatched one is stretched', () => {
    const { reduction, forNew } = intervalsOf([container(1), container(1), container(1, { watched: true })]);
    reduction.giveUp(0.5);
    assert.equal(forNew(), 1);
    reduction.giveUp(0.5);
    assert.equal(forNew(), 2);
  });
});

describe('sets left out', () => {
  function setsOf(costs: Record<string, number>) {
    const gone = new Set<string>();
    const reduction = new SetReduction({
      sampled: () => Object.entries(costs).flatMap(([id, cost]) => (gone.has(id) ? [] : [{ id, cost }])),
      suspend: (id) => gone.add(id),
      resume: (id) => gone.delete(id),
      exists: (id) => id in costs,
    });
    return { reduction, gone };
  }

  it('are the most expensive ones', () => {
    const { reduction, gone } = setsOf({ a: 1, b: 9, c: 5 });
    assert.equal(reduction.giveUp(10), 14);
    assert.deepEqual([...gone], ['b', 'c']);
    assert.equal(reduction.takeBack(6), 5);
    assert.deepEqual([...gone], ['b']);
  });

  it('are at first only those that cost much by themselves', () => {
    const { reduction, gone } = setsOf({ a: 4, b: 1 });
    assert.equal(reduction.dominant.giveUp(10), 0);
    assert.equal(reduction.dominant.giveUp(6), 4);
    assert.deepEqual([...gone], ['a']);
  });
});

describe('a shortened history', () => {
  it('is halved until enough is saved, down to an eighth', () => {
    const kept: number[] = [];
    const reduction = new HistoryReduction({ bytes: 800, keep: (share) => kept.push(share) });
    assert.equal(reduction.giveUp(300), 400);
    assert.equal(reduction.giveUp(1e9), 400 + 200);
    assert.deepEqual(kept, [0.5, 0.125]);
    assert.equal(reduction.giveUp(1), 0);
  });

  it('is as long as before when there is room', () => {
    const kept: number[] = [];
    const reduction = new HistoryReduction({ bytes: 100, keep: (share) => kept.push(share) });
    reduction.giveUp(75);
    assert.equal(reduction.takeBack(99), 0);
    assert.equal(reduction.takeBack(100), 100);
    assert.equal(reduction.takeBack(1000), 100);
    assert.deepEqual(kept, [0.25, 0.5, 1]);
    assert.equal(reduction.isActive, false);
  });
});

describe('expensive requests', () => {
  function gate() {
    const time = { now: 0 };
    const queries = new QueryReduction(() => time.now);
    const ask = (route: string, ms: number): number | undefined => {
      const retryAfter = queries.admit(route, `${route}?x`);
      if (retryAfter === undefined) queries.spent(route, `${route}?x`, ms);
      return retryAfter;
    };
    /** One request each second. */
    const pass = (seconds: number, route: string, ms: number) => {
      let refused = 0;
      for (let second = 0; second < seconds; second++) {
        time.now += 1000;
        if (ask(route, ms) !== undefined) refused++;
        queries.refresh();
      }
      return refused;
    };
    return { queries, ask, pass, time };
  }

  it('are answered while there is room', () => {
    const { pass, queries } = gate();
    assert.equal(pass(100, '/all', 200), 0);
    assert.equal(queries.isActive, false);
  });

  it('get what the budget allows, and the others learn when to come again', () => {
    const { pass, queries, ask } = gate();
    pass(60, '/all', 200);
    const saved = queries.giveUp(150);
    assert.ok(saved > 140 && saved <= 150, `${saved}`);
    const refused = pass(200, '/all', 200);
    assert.ok(refused >= 140 && refused <= 155, `${refused} of 200 were refused`);
    while (ask('/all', 200) === undefined);
    const retryAfter = ask('/all', 200)!;
    assert.ok(retryAfter >= 1 && retryAfter <= 60, `${retryAfter}`);
    assert.equal(queries.refused, refused + 2);
  });

  it('are the only ones that are refused', () => {
    const { pass, queries } = gate();
    pass(60, '/all', 200);
    queries.giveUp(1e6);
    assert.equal(pass(100, '/one', 1), 0);
  });

  it('are all answered again once what they take fits', () => {
    const { pass, queries } = gate();
    pass(60, '/all', 200);
    queries.giveUp(150);
    pass(60, '/all', 200);
    assert.ok(queries.takeBack(1000) > 0);
    assert.equal(queries.isActive, false);
  });

  it('are remembered up to a bound', () => {
    const { queries } = gate();
    for (let i = 0; i < 5_000; i++) queries.spent(`/route${i}`, `/route${i}?${i}`, 20);
    const { routes, targets } = queries as unknown as Record<'routes' | 'targets', Map<string, number>>;
    assert.equal(routes.size, MAX_REMEMBERED_ROUTES);
    assert.equal(targets.size, MAX_REMEMBERED_TARGETS);
  });
});

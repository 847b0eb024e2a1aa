import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type Arrangement,
  arranged,
  type Facts,
  filterOf,
  incompleteOf,
  Joiner,
  lacks,
  type Row,
  type Snapshot,
  SORT_NAMES,
  UNARRANGED,
  type Wanted,
} from '../../client/top/index.js';
import { columnsFor, widthOf } from './columns.js';
import { Screen } from './screen.js';
import { PLAIN } from './style.js';
import { keysIn } from './terminal.js';
import { fit, size, sparkline } from './text.js';

const NOTHING = {
  age: null,
  cpu: null,
  throttled: null,
  memory: null,
  pressure_cpu: null,
  pressure_memory: null,
  pressure_io: null,
  disk_read: null,
  disk_write: null,
  network_receive: null,
  network_transmit: null,
  cpu_limit: null,
  memory_limit: null,
  processes: null,
};

function row(path: string, numbers: Partial<Row> = {}, facts: Partial<Facts> = {}): Row {
  return { ...NOTHING, ...numbers, facts: { id: 1, path, name: path, state: 'running', labels: {}, ...facts } };
}

const HEAD = { version: '1', time: 0, host: { cores: 1, memory: 1 }, history: {} };
const PLAINLY: Arrangement = {
  ...UNARRANGED,
  sort: 'cpu',
  filter: '',
  showsAll: true,
};

const labels = (rows: readonly Row[], change: Partial<Arrangement>) =>
  arranged(rows, { ...PLAINLY, ...change }).map(({ label }) => label);

function answer(since: string, rows: unknown, facts: unknown): string {
  const head = { version: '1', time: 2_000, host: { cores: 2, memory: 100 }, since, columns: ['id', 'cpu', 'memory'] };
  return JSON.stringify({ ...head, rows, facts });
}

describe('Joiner', () => {
  const facts = { id: 7, path: '/a', name: 'a', state: 'running', labels: {} };

  it('joins numbers with descriptions of an earlier answer', () => {
    const joiner = new Joiner();
    joiner.join(answer('x.7', [[7, 0.5, 10]], [facts]));
    assert.equal(joiner.since, 'x.7');
    const [joined] = joiner.join(answer('x.7', [[7, 0.25, null]], [])).rows;
    assert.deepEqual([joined!.facts, joined!.cpu, joined!.memory, joined!.processes], [facts, 0.25, null, null]);
  });

  it('discards descriptions when the agent was restarted', () => {
    const joiner = new Joiner();
    joiner.join(answer('x.7', [[7, 0.5, 10]], [facts]));
    const other = { ...facts, id: 1, name: 'b' };
    const { rows } = joiner.join(
      answer(
        'y.1',
        [
          [1, 1, 1],
          [7, 1, 1],
        ],
        [other],
      ),
    );
    assert.deepEqual(
      rows.map((each) => each.facts.name),
      ['b'],
    );
  });
});

describe('Joiner of an answer with some whole rows', () => {
  const facts = [1, 2, 3].map((id) => ({ id, path: `/${id}`, name: `${id}`, state: 'running', labels: {} }));
  const part = (rows: unknown, others: unknown) => JSON.stringify({ ...JSON.parse(answer('x.3', rows, [])), others });
  const numbers = ({ rows }: Snapshot) => rows.map(({ facts: { id }, cpu, memory }) => [id, cpu, memory]);
  const first = answer(
    'x.3',
    [
      [1, 1, 10],
      [2, 2, 20],
      [3, 3, 30],
    ],
    facts,
  ); // prettier-ignore

  it('knows the asked numbers of the others, and drops what is gone', () => {
    const joiner = new Joiner();
    assert.equal(joiner.join(first).whole, undefined);
    const snapshot = joiner.join(part([[2, 5, 50]], { columns: ['id', 'cpu'], rows: [[1, 4]] }));
    assert.deepEqual(numbers(snapshot), [
      [2, 5, 50],
      [1, 4, null],
    ]); // prettier-ignore
    assert.deepEqual([[...snapshot.whole!], snapshot.known], [[2], ['cpu']]);
    assert.deepEqual(
      [lacks(snapshot, ['cpu']), lacks(snapshot, ['memory']), lacks(snapshot, undefined)],
      [false, true, true],
    ); // prettier-ignore
    assert.deepEqual(incompleteOf(snapshot, snapshot.rows), [1]);
    const filled = joiner.join(part([[1, 4, 40]], null));
    assert.deepEqual(
      [numbers(filled), filled.whole],
      [
        [
          [2, 5, 50],
          [1, 4, 40],
        ],
        undefined,
      ],
    ); // prettier-ignore
  });

  it('asks for everything when more rows are shown than the agent takes ids', () => {
    const joiner = new Joiner();
    const ids = Array.from({ length: 201 }, (_, id) => id);
    assert.equal(joiner.query({ ids, others: ['cpu'] }).has('ids'), false);
    assert.equal(joiner.query({ ids: [4, 5], others: ['cpu'] }).toString(), 'since=&ids=4%2C5&others=cpu');
  });
});

describe('arranged', () => {
  it('sorts numbers in descending order, and unknown ones last in either direction', () => {
    const rows = [row('/none'), row('/low', { cpu: 1 }), row('/high', { cpu: 2 })];
    assert.deepEqual(labels(rows, {}), ['/high', '/low', '/none']);
    assert.deepEqual(labels(rows, { isReversed: true }), ['/low', '/high', '/none']);
  });

  it('shows the ancestors of a matching row in the tree', () => {
    const rows = [row('/', { cpu: 9 }), row('/a', { cpu: 1 }), row('/a/deep', { cpu: 1 }), row('/b', { cpu: 5 })];
    assert.deepEqual(labels(rows, { isTree: true }), ['/', '  /b', '  /a', '    deep']);
    assert.deepEqual(labels(rows, { isTree: true, filter: 'deep' }), ['/', '  /a', '    deep']);
  });

  it('groups by compose project with sums', () => {
    const rows = ['a', 'b', 'c'].map((name, i) =>
      row(`/${name}`, { cpu: i, memory: 10 }, { project: name === 'c' ? 'blog' : 'shop' }),
    );
    const items = arranged(rows, { ...PLAINLY, grouping: 'project' });
    assert.deepEqual(
      items.map(({ label, row: { cpu, memory } }) => [label, cpu, memory]),
      [
        ['- blog (1)', 2, 10],
        ['  /c', 2, 10],
        ['- shop (2)', 1, 20],
        ['  /b', 1, 10],
        ['  /a', 0, 10],
      ],
    );
    assert.deepEqual(labels(rows, { grouping: 'project', collapsed: new Set(['group shop']) }), [
      '- blog (1)',
      '  /c',
      '+ shop (2)',
    ]);
  });

  it('hides cgroups without a runtime only where a runtime has containers', () => {
    const cgroup = row('/init.scope');
    assert.deepEqual(labels([cgroup, row('/docker/1', {}, { runtime: 'docker' })], { showsAll: false }), ['/docker/1']);
    assert.deepEqual(labels([cgroup], { showsAll: false }), ['/init.scope']);
  });

  it('sorts by every quantity without throwing', () => {
    for (const sort of SORT_NAMES) assert.equal(labels([row('/a'), row('/b', { cpu: 1 })], { sort }).length, 2);
  });
});

describe('filterOf', () => {
  const web = row(
    '/docker/1',
    { memory: 95, memory_limit: 100 },
    { name: 'web', image: 'shop/web:2', project: 'shop', state: 'exited', exit_code: 1, labels: { Team: 'A', x: '' } },
  );
  const fits: readonly (readonly [string, boolean])[] = [
    ['', true],
    ['WEB', true],
    ['web shop/', true],
    ['web db', false],
    ['!db web', true],
    ['state:exit', true],
    ['state:running', false],
    ['label:team', true],
    ['label:team=a', true],
    ['label:team=b', false],
    ['label:x=', true],
    ['project:sho image:web:2', true],
    ['pod:any', false],
  ];
  for (const [text, expected] of fits) {
    it(`${JSON.stringify(text)} ${expected ? 'fits' : 'does not fit'}`, () =>
      assert.equal(filterOf(text)(web), expected));
  }

  it('never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void filterOf(text)(web)));
  });
});

describe('texts of a terminal', () => {
  it('fit returns one line of the given width without control characters', () => {
    const control = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/u;
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 60 }), (text, width) => {
        const fitted = fit(text, width);
        assert.ok(!control.test(fitted), JSON.stringify(fitted));
        assert.ok(fitted.length >= 1);
      }),
    );
    assert.equal(fit('\x1b[2J\u0007', 20), '\\u001b[2J\\u0007     ');
    assert.equal(fit('日本語', 5), '日本~');
    assert.equal(fit('日本語', 8), '日本語  ');
    assert.equal(fit('abcdef', 4), 'abc~');
  });

  it('size takes at most five characters', () => {
    fc.assert(fc.property(fc.double({ min: 0, max: 2 ** 60, noNaN: true }), (value) => size(value).length <= 5));
    assert.deepEqual([size(1023.6), size(1536), size(null), size(0)], ['1.0K', '1.5K', '-', '0B']);
  });

  it('a sparkline shows unknown values as blanks', () => {
    assert.equal(sparkline([null, 0, 5, 10], 5), '  ▁▄█');
    assert.equal(sparkline([10, 10], 2, 20), '▄▄');
  });

  it('columns leave space for the name at any width', () => {
    for (let width = 20; width < 250; width++) assert.ok(width - widthOf(columnsFor(width)) >= 13, String(width));
    assert.equal(columnsFor(80).length, 11);
  });
});

describe('keysIn', () => {
  it('returns the names of keys and skips unknown sequences', () => {
    assert.deepEqual(keysIn('a\x1b[A\x1b[5~\x1b[24;2~\r\x7fü\x03\x01\x1b'), [
      'a',
      'up',
      'page-up',
      'enter',
      'backspace',
      'ü',
      'interrupt',
      'escape',
    ]);
  });

  it('never throws for any input', () => {
    const rows = [row('/a', { cpu: 1 }), row('/b', {}, { project: 'x' })];
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\r', '/', 'g', 't', '\x1b[B'))),
        (typed) => {
          const screen = new Screen(PLAINLY, 1, PLAIN);
          screen.snapshot = { ...HEAD, rows };
          for (const key of keysIn(typed.join(''))) {
            screen.key(key, 24);
            assert.ok(screen.lines(80, 24).length <= 24);
          }
        },
      ),
    );
  });

  describe('the numbers it needs', () => {
    const HEIGHT = 7;
    const rows = [9, 8, 7, 6, 5].map((cpu, id) => row(`/${id}`, { cpu }, { id }));
    const screenOf = (snapshot: Partial<Snapshot>) => {
      const screen = new Screen(PLAINLY, 1, PLAIN);
      screen.snapshot = { ...HEAD, rows, ...snapshot };
      return screen;
    };

    it('are those of the rows on the screen, and what the others are sorted by', () => {
      const screen = screenOf({});
      assert.equal(screen.wanted(HEIGHT), 'nothing');
      screen.isOutdated = true;
      assert.deepEqual(screen.wanted(HEIGHT), { ids: [0, 0, 1, 2], others: ['cpu'] });
    });

    it('are those of rows that were scrolled into view, or that another order brought there', () => {
      const screen = screenOf({ whole: new Set([0, 1, 2]), known: ['cpu'] });
      assert.equal(screen.wanted(HEIGHT), 'nothing');
      screen.key('end', HEIGHT);
      assert.deepEqual(screen.wanted(HEIGHT), { ids: [4, 3, 4] });
      screen.key('m', HEIGHT);
      assert.deepEqual((screen.wanted(HEIGHT) as Wanted).others, ['memory']);
    });

    it('are all for groups, for what is in trouble, and while it is paused', () => {
      for (const keys of ['g', 'fff', ' ']) {
        const screen = screenOf({ whole: new Set([0, 1, 2]), known: ['cpu'] });
        for (const key of keys) screen.key(key, HEIGHT);
        assert.equal(screen.wanted(HEIGHT), 'everything', keys);
      }
    });
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Facts, Row } from '../../../../client/top/index.js';
import { CHARTS, topOf } from './charts.js';
import { fillOf, pathOf } from './spark.js';
import { ago, stateOf } from './states.js';
import { byteRate, bytes, cores, percent } from './units.js';
import { addressOf, directionOf, inScope, ROWS, shownOf, sortedBy, type Troubles, viewOf } from './view.js';

const NUMBERS = {
  age: 0,
  throttled: null,
  pressure_cpu: null,
  pressure_memory: null,
  pressure_io: null,
  disk_read: null,
  disk_write: null,
  network_receive: null,
  network_transmit: null,
  cpu_limit: null,
  memory_limit: null,
  processes: 1,
};
let ids = 0;
const row = (path: string, cpu: number, more: { [key in keyof Facts]?: Facts[key] | undefined } = {}): Row => {
  const facts = { id: ++ids, path, name: path, runtime: 'docker', state: 'running', labels: {}, ...more } as Facts;
  return { ...NUMBERS, facts, cpu, memory: cpu * 1024 };
};
const NONE: Troubles = new Map();
const names = (rows: readonly Row[], query: string, troubles = NONE, scope = {}): string[] =>
  shownOf(rows.filter(inScope(scope)), viewOf(new URLSearchParams(query)), troubles, scope).items.map(
    ({ row: { facts }, members }) => (members === undefined ? facts.name : `${facts.name} (${members})`),
  );

it('numbers in the units of the field, with the digits that matter', () => {
  assert.deepEqual([0, 999, 1023, 1023.6, 1536, 10.55 * 2 ** 20, 2 ** 30, 312.4 * 2 ** 30].map(bytes), [
    '0 B',
    '999 B',
    '1023 B',
    '1 KiB',
    '1.5 KiB',
    '10.6 MiB',
    '1 GiB',
    '312 GiB',
  ]);
  assert.deepEqual([0, 0.0123, 0.25, 1, 1.234, 12.34].map(cores), [
    '0 cores',
    '0.012 cores',
    '0.25 cores',
    '1 core',
    '1.23 cores',
    '12.3 cores',
  ]);
  assert.deepEqual([byteRate(2048), percent(12.345), percent(99.97)], ['2 KiB/s', '12.3 %', '100 %']);
  for (const format of [bytes, byteRate, cores, percent, ...CHARTS.map(({ format: ofChart }) => ofChart)]) {
    assert.deepEqual([format(Number.NaN), format(Number.POSITIVE_INFINITY)], ['–', '–']);
  }
});

describe('the view of the overview', () => {
  const rows = [
    row('/', 9, { runtime: undefined }),
    row('/a', 1, { image: 'shop/Web:1', project: 'shop', labels: { team: 'fruit' } }),
    row('/b', 3, { image: 'redis', pod: 'prod/cache', health: 'unhealthy' }),
    row('/c', 2, { state: 'exited', exit_code: 1, labels: { team: 'veg' } }),
    row('/slice', 5, { runtime: undefined }),
    row('/slice/x', 4, { runtime: undefined }),
    row('/slice/x/y', 4, { runtime: undefined }),
  ];

  it('has all containers but the machine, those that use most CPU first, and cgroups where they are asked for', () => {
    assert.deepEqual(names(rows, ''), ['/b', '/c', '/a']);
    assert.deepEqual(names(rows, 'all=1&sort=name').slice(0, 4), ['/a', '/b', '/c', '/slice']);
    assert.deepEqual(names(rows, 'sort=name&reverse=1'), ['/c', '/b', '/a']);
  });

  it('is filtered by text, state, label, image, and project or pod', () => {
    for (const [query, expected] of [
      ['q=web', ['/a']],
      ['q=!web', ['/b', '/c']],
      ['q=label:team=veg', ['/c']],
      ['state=running', ['/b', '/a']],
      ['state=stopped', ['/c']],
      ['state=trouble', ['/b', '/c']],
      ['label=team', ['/c', '/a']],
      ['label=team%3Dfruit', ['/a']],
      ['image=WEB', ['/a']],
      ['project=shop', ['/a']],
      ['project=prod', ['/b']],
      ['label=constructor', []],
    ] as const) {
      assert.deepEqual(names(rows, query), expected, query);
    }
  });

  it('counts what the rules find as trouble, and sorts by it', () => {
    const troubles: Troubles = new Map([['/a', { severity: 'error', what: 'x', findings: 1 }]]);
    assert.deepEqual(names(rows, 'state=trouble&sort=wrong', troubles), ['/a', '/b', '/c']);
  });

  it('is grouped', () => {
    assert.deepEqual(names(rows, 'by=project&sort=name'), [
      'shop (1)',
      '/a',
      'prod/cache (1)',
      '/b',
      'without a project or pod (1)',
      '/c',
    ]);
  });

  it('is that of one runtime, or of what is directly below a cgroup', () => {
    assert.deepEqual(names(rows, '', NONE, { runtime: 'docker' }), ['/b', '/c', '/a']);
    assert.deepEqual(names(rows, 'sort=name', NONE, { parent: '/slice' }), ['/slice/x']);
    assert.deepEqual(names(rows, 'sort=name', NONE, { parent: '/' }), ['/a', '/b', '/c', '/slice']);
  });

  it('comes in pages, each with the head of its first group', () => {
    const many = Array.from({ length: ROWS * 2 + 50 }, (_, i) =>
      row(`/m${String(i).padStart(3, '0')}`, 1, { project: 'shop' }),
    );
    const shown = (query: string) => shownOf(many, viewOf(new URLSearchParams(query)), NONE, {});
    const last = shown('sort=name&page=3');
    assert.deepEqual([last.first, last.last, last.page, last.pages, last.fitting], [101, 150, 3, 3, 150]);
    assert.equal(shown('page=99').page, 3);
    const second = shown('sort=name&by=project&page=2');
    assert.equal(second.items[0]!.members, 150);
    assert.deepEqual([second.first, second.items[1]!.row.facts.name], [50, '/m049']);
  });

  it('is in its address, and odd addresses are a view', () => {
    const text = fc.string({ maxLength: 20 });
    const fields = { q: text, state: text, label: text, image: text, by: text, sort: text, page: text, reverse: text };
    fc.assert(
      fc.property(fc.record(fields), (query) => {
        const view = viewOf(new URLSearchParams(query));
        assert.deepEqual(viewOf(new URLSearchParams(addressOf(view))), view);
        shownOf(rows, view, NONE, {});
      }),
    );
    assert.equal(addressOf(viewOf(new URLSearchParams())), '?');
  });

  it('is sorted by a click on a head, in reverse by another one', () => {
    const view = viewOf(new URLSearchParams('page=3'));
    const byName = sortedBy(view, 'name');
    assert.deepEqual(
      [byName.sort, byName.isReversed, byName.page, directionOf(byName)],
      ['name', false, 1, 'ascending'],
    );
    const again = sortedBy(byName, 'name');
    assert.deepEqual([again.isReversed, directionOf(again)], [true, 'descending']);
    assert.equal(directionOf(view), 'descending');
  });
});

describe('states in words', () => {
  const facts = (more: Partial<Facts>) => row('/x', 1, more).facts;

  it('explain exit codes, and are as bad as they are', () => {
    const exited = (exit_code: number) => stateOf(facts({ state: 'exited', exit_code }));
    assert.deepEqual(exited(137), { text: 'exited, code 137: killed', level: 'bad' });
    assert.deepEqual(exited(3), { text: 'exited, code 3', level: 'bad' });
    assert.deepEqual(exited(0), { text: 'exited, code 0', level: 'off' });
    assert.equal(stateOf(facts({ state: 'exited', oom_killed: true })).text, 'killed for lack of memory');
    assert.deepEqual(stateOf(facts({ health: 'unhealthy' })), { text: 'unhealthy', level: 'bad' });
    assert.equal(stateOf(facts({})).level, 'good');
  });

  it('say how long ago', () => {
    const shown = [-5, 5_000, 600_000, 7_200_000, 864e6].map(ago);
    assert.deepEqual(shown, ['0 s ago', '5 s ago', '10 min ago', '2 h ago', '10 days ago']);
  });
});

describe('small drawings', () => {
  it('put the newest value at the right edge, with gaps where nothing is known', () => {
    assert.equal(pathOf([0, 1, null, 2], 0.1), 'M0 17L20 9M60 1');
    assert.equal(pathOf([], 1), '');
  });

  it('stay within their box, whatever the values are', () => {
    const value = fc.option(fc.double({ min: 0, max: 1e19, noNaN: true }));
    fc.assert(
      fc.property(fc.array(value, { maxLength: 40 }), (values) => {
        const path = pathOf(values, 1e-3);
        assert.match(path, /^[ML0-9. ]*$/);
        for (const [, x, y] of path.matchAll(/[ML](\S+) ([\d.]+)/g)) {
          assert.ok(Number(x) <= 60 && Number(y) <= 18, path);
        }
      }),
    );
  });

  it('fill bars to their share, never beyond', () => {
    const filled = [0.5, 0.8, 0.95, 7, -1].map((share) => Object.values(fillOf(share)).join());
    assert.deepEqual(filled, ['50,normal', '80,near', '95,high', '100,high', '0,normal']);
  });

  it('leave room for a limit that is near, and none for one far above', () => {
    assert.deepEqual([topOf(1, 10, 12), topOf(1, 10, 1000), topOf(1, 0, undefined)].map(Math.round), [13, 11, 1]);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { keptEvents } from '../../../test/conformance/world/recorded-events.js';
import { column } from '../../../test/conformance/world/samples.js';
import { diagnose, measured, NOW } from '../../../test/support/rule-bench.js';
import type { Rule, RuleSubject } from '../contracts/index.js';

const rule = (id: string, harm: number | ((subject: RuleSubject) => number), more: Partial<Rule> = {}): Rule => ({
  id,
  title: id,
  help: id,
  scope: 'both',
  judge(subject) {
    const value = typeof harm === 'number' ? harm : harm(subject);
    const evidence = [{ text: '1 thing', values: { things: 1 }, start: subject.now, end: subject.now }];
    return value < 0 ? undefined : { harm: value, what: 'w', meaning: 'm', evidence, mend: 'mend it' };
  },
  ...more,
});

describe('diagnosis', () => {
  it('ranks findings by harm, then by rule, and derives the severity', () => {
    const { findings, lookedAt } = diagnose(
      [rule('a', 20), rule('c', 70), rule('b', 70), rule('none', -1)],
      [measured('/x', {})],
    ).of('/x')!;
    assert.deepEqual(
      findings.map(({ rule: id, severity }) => [id, severity]),
      [
        ['b', 'error'],
        ['c', 'error'],
        ['a', 'info'],
      ],
    );
    assert.equal(lookedAt.length, 4);
  });

  it('applies rules about the machine to the machine, and rules about containers to the others', () => {
    const rules = [rule('host', 1, { scope: 'host' }), rule('container', 1, { scope: 'containers' })];
    const { all } = diagnose(rules, [measured('/', {}), measured('/x', {})]);
    assert.deepEqual(
      all.map(({ findings }) => findings.map(({ rule: id }) => id)),
      [['host'], ['container']],
    );
  });

  it('says which rules it could not apply: the source is off, the container lacks the field, it ended', () => {
    const rules = [
      rule('off', 1, { needs: [{ anyOf: ['gpu.use'], sources: ['gpu'] }] }),
      rule('lacking', 1, { needs: [{ anyOf: ['a.b', 'a.c'], sources: ['letters'] }] }),
      rule('there', 1, { needs: [{ anyOf: ['no', 'yes'], sources: ['letters'] }] }),
    ];
    const plugins = [{ name: 'letters', up: true }] as never;
    const description = {
      aliases: [],
      labels: {},
      envs: {},
      networkMode: 'none',
      state: { status: 'exited' },
    } as const;
    const { of } = diagnose(rules, [measured('/x', { yes: 1 })], {
      plugins,
      departed: [{ name: '/gone', description }],
    });
    assert.deepEqual(
      of('/x')!.notLookedAt.map(({ reason }) => reason),
      ['the metric source gpu is off: plugins: [{ use: gpu }]', 'the container has no a.b, no a.c'],
    );
    assert.deepEqual(
      of('/x')!.lookedAt.map(({ id }) => id),
      ['there'],
    );
    assert.equal(of('/gone')!.isRunning, false);
    assert.match(of('/gone')!.notLookedAt[0]!.reason, /does not run any more/);
    assert.equal(of('/unknown'), undefined);
  });

  it('counts a rule that throws as a fault of its plugin, and applies the others', () => {
    const failing = rule('bad', () => {
      throw new Error('divided by zero');
    });
    const { all, faults } = diagnose([failing, rule('good', 1)], [measured('/x', {})]);
    assert.deepEqual(faults, ['rule bad']);
    assert.equal(all[0]!.findings[0]!.rule, 'good');
    assert.match(all[0]!.notLookedAt[0]!.reason, /divided by zero/);
  });

  describe('preconditions', () => {
    const judgedNames = (precondition: Rule['precondition'] & object, more: Parameters<typeof diagnose>[2] = {}) => {
      const names: string[] = [];
      const look = rule('look', ({ name }) => -names.push(name), { precondition });
      const containers = [
        measured('/', { busy: 1 }),
        measured('/a', { 'x{1}': 0, 'x{2}': 3 }),
        measured('/b', { x: 0 }),
      ];
      const { faults } = diagnose([look], containers, more);
      return { names, faults };
    };

    it('of fields leave out what has none of them above zero', () => {
      assert.deepEqual(judgedNames({ anyAboveZero: ['x', 'y'] }).names, ['/a']);
    });

    it('of the machine hold for all containers or for none', () => {
      assert.deepEqual(judgedNames({ host: (host) => host.latest('busy') === 1 }).names, ['/', '/a', '/b']);
      assert.deepEqual(judgedNames({ host: (host) => host.latest('busy') > 1 }).names, []);
    });

    it('of incidents leave out containers that run and had no event but their creation', () => {
      const event = { time: NOW - 1e6, type: 'containerDeletion', containerName: '/b' } as const;
      const created = { ...event, type: 'containerCreation', containerName: '/a' } as const;
      assert.deepEqual(judgedNames({ incident: true }, { events: keptEvents([created, event]) }).names, ['/b']);
    });

    it('that throw are faults of the rule', () => {
      const failing = () => {
        throw new Error('no machine');
      };
      assert.deepEqual(new Set(judgedNames({ host: failing }).faults), new Set(['rule look']));
    });
  });

  it('gives rules the growth of columns that appeared later, since they appeared', () => {
    const at = (seconds: number, ...cells: [string, number, string[]?][]) => ({
      time: NOW + seconds * 1e6,
      cells: cells.map(([field, value, labels]) => [column(field, labels), value] as const),
    });
    const samples = [
      at(-60, ['l', 1, ['lo']]),
      at(-40, ['l', 2, ['lo']], ['l', 5, ['eth0']], ['c', 7]),
      at(0, ['l', 4, ['lo']], ['l', 9, ['eth0']], ['c', 8]),
    ];
    let seen: unknown;
    const look = rule('look', (subject) => {
      seen = [
        ...subject.increasesOf('l').map(({ labels, by, seconds }) => [...labels, by, seconds]),
        subject.increase('c')?.seconds,
        subject.oldestOf('l').map(({ labels, value, time }) => [...labels, value, (time - NOW) / 1e6]),
      ];
      return -1;
    });
    diagnose([look], [{ name: '/x', samples }]);
    assert.deepEqual(seen, [
      ['lo', 3, 60],
      ['eth0', 4, 40],
      40,
      [
        ['lo', 1, -60],
        ['eth0', 5, -40],
      ],
    ]);
  });

  it('gives rules the growth of counters over the last minute, by label too, and nothing when one went back', () => {
    let seen: unknown;
    const look = rule('look', (subject) => {
      seen = {
        grew: subject.increase('c'),
        back: subject.increase('r'),
        unknown: subject.increase('u'),
        labelled: subject.increasesOf('l').map(({ labels, by }) => [labels, by]),
        latest: subject.latest('c'),
        oldest: subject.oldestOf('c').map(({ value }) => value),
      };
      return -1;
    });
    diagnose([look], [measured('/x', { c: [5, 11], r: [9, 3], 'l{sda,Read}': [1, 4], 'l{sda,Write}': [1, 2] })]);
    assert.deepEqual(seen, {
      grew: { by: 6, seconds: 60, start: NOW - 60e6, end: NOW },
      back: undefined,
      unknown: undefined,
      labelled: [
        [['sda', 'Read'], 3],
        [['sda', 'Write'], 1],
      ],
      latest: 11,
      oldest: [5],
    });
  });
});

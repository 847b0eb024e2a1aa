import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { containerNamed } from '../../../test/support/containers.js';
import { FakeProbe } from '../../../test/support/housekeeping-bench.js';
import { SILENT } from '../../../test/support/loggers.js';
import { LayoutTable } from '../history/index.js';
import { Supervisor } from '../supervision/index.js';
import { IdleCheck } from './idle-check.js';
import { MonitoredContainer, type SourcePlugin } from './monitored-container.js';

const layouts = new LayoutTable();
const check = () => new IdleCheck(new Supervisor({ now: () => 0, monotonic: () => 0 }, SILENT));

class ActivityProbe extends FakeProbe {
  asked = 0;

  constructor(readonly activityKind: 'cpu-time' | 'usage' | 'other') {
    super();
  }

  override activity(): number {
    this.asked++;
    return super.activity();
  }
}

function containerWith(probes: readonly FakeProbe[], parent?: MonitoredContainer): MonitoredContainer {
  const container = new MonitoredContainer(containerNamed('/x'), layouts, 1000, 1e6, parent);
  container.slots = probes.map((probe) => ({
    source: { instance: { part: 'cpu' } } as unknown as SourcePlugin,
    probe,
    offset: 0,
    columns: probe.columns,
    isLeftOut: false,
    activity: Number.NaN,
  }));
  container.updateLayout();
  return container;
}

describe('the idle check', () => {
  it('does not read the CPU time of a container whose parent’s stands still', () => {
    const [above, below] = [new ActivityProbe('cpu-time'), new ActivityProbe('cpu-time')];
    const child = containerWith([below], containerWith([above]));
    const idle = check();
    assert.ok(idle.hasMoved(child, 0), 'nothing is known yet');
    for (let now = 1000; now <= 5000; now += 1000) assert.ok(!idle.hasMoved(child, now));
    assert.equal(below.asked, 1);
    above.sign = below.sign = 2;
    assert.ok(idle.hasMoved(child, 6000));
    assert.equal(below.asked, 2);
  });

  it('reads its CPU time when the parent is gone or cannot tell', () => {
    const [above, below] = [new ActivityProbe('cpu-time'), new ActivityProbe('cpu-time')];
    const parent = containerWith([above]);
    const child = containerWith([below], parent);
    const idle = check();
    idle.hasMoved(child, 0);
    above.sign = undefined;
    below.sign = 2;
    assert.ok(idle.hasMoved(child, 1000));
    parent.isRemoved = true;
    below.sign = 3;
    assert.ok(idle.hasMoved(child, 100_000));
  });

  it('seldom asks a parent that is always running', () => {
    const [above, below] = [new ActivityProbe('cpu-time'), new ActivityProbe('cpu-time')];
    const child = containerWith([below], containerWith([above]));
    const idle = check();
    for (let i = 0; i < 1000; i++) {
      above.sign = below.sign = i;
      assert.ok(idle.hasMoved(child, i * 1000));
    }
    assert.ok(above.asked < 100, `asked ${above.asked} times`);
  });

  it('reads the usage only of containers without CPU time, and everything else always', () => {
    const [cpu, usage, other] = (['cpu-time', 'usage', 'other'] as const).map((kind) => new ActivityProbe(kind));
    const idle = check();
    const whole = containerWith([cpu!, usage!, other!]);
    const withoutCpu = containerWith([usage!]);
    idle.hasMoved(whole, 0);
    assert.deepEqual([cpu!.asked, usage!.asked, other!.asked], [1, 0, 1]);
    other!.sign = 2;
    assert.ok(idle.hasMoved(whole, 1000));
    assert.ok(!idle.hasMoved(whole, 2000));
    idle.hasMoved(withoutCpu, 0);
    usage!.sign = 2;
    assert.ok(idle.hasMoved(withoutCpu, 1000));
  });

  it('tells for any tree and order of samples exactly when a container’s CPU time has grown', () => {
    // Containers 1 and 2 are below 0, 3 is below 1.
    const parents = [-1, 0, 0, 1];
    const step = fc.record({
      runs: fc.option(fc.nat(3)),
      sampled: fc.nat(3),
      passes: fc.integer({ min: 5, max: 5000 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const probes = parents.map(() => new ActivityProbe('cpu-time'));
        const containers: MonitoredContainer[] = [];
        for (const [i, parent] of parents.entries()) containers.push(containerWith([probes[i]!], containers[parent]));
        const idle = check();
        const seen: (number | undefined)[] = parents.map(() => undefined);
        let now = 0;
        for (const { runs, sampled, passes } of steps) {
          for (let i = runs ?? -1; i >= 0; i = parents[i]!) probes[i]!.sign!++;
          now += passes;
          assert.equal(idle.hasMoved(containers[sampled]!, now), probes[sampled]!.sign !== seen[sampled]);
          seen[sampled] = probes[sampled]!.sign;
        }
      }),
    );
  });
});

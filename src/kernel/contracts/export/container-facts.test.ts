import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DESCRIPTION } from '../../../../test/support/containers.js';
import type { ContainerView, ResourceLimits } from '../agent-view.js';
import type { MetricFamily } from './catalogue.js';
import { ContainerFacts } from './container-facts.js';

const limitsOf = (shares: bigint): ResourceLimits => ({
  cgroupVersion: 1,
  hasCpu: true,
  cpu: { limit: shares },
  hasMemory: false,
  memory: {},
  hasProcesses: false,
  processes: {},
  createdAt: 1,
  createdAtExtraNs: 0,
});

function factsOf(t: { limits: ResourceLimits }) {
  const view = { name: '/a', createdAt: 1, limits: () => t.limits } as unknown as ContainerView;
  const take = (name: string, type: MetricFamily['type'], help: string) => ({ name, type, help, index: 0 });
  return new ContainerFacts<MetricFamily>({ take }, view);
}

describe('facts of a container', () => {
  it('are the same array while limits that are read again are the same object', () => {
    const source = { limits: limitsOf(512n) };
    const facts = factsOf(source);
    facts.readLimits(0);
    const first = facts.of(DESCRIPTION);
    facts.readLimits(60_000);
    assert.equal(facts.of(DESCRIPTION), first);
    source.limits = limitsOf(1024n);
    facts.readLimits(120_000);
    const shares = facts.of(DESCRIPTION).find(({ family }) => family.name === 'container_spec_cpu_shares');
    assert.equal(shares?.value, 1024n);
  });

  it('have limits that are due within a minute at first, and within two minutes once they did not change', () => {
    const facts = factsOf({ limits: limitsOf(512n) });
    assert.equal(facts.limitsOverdue(0), true);
    facts.readLimits(0);
    assert.equal(facts.limitsOverdue(29_999), false);
    assert.equal(facts.limitsOverdue(60_001), true);
    facts.readLimits(60_001);
    assert.equal(facts.limitsOverdue(60_001 + 59_999), false);
    assert.equal(facts.limitsOverdue(60_001 + 120_001), true);
  });

  it('have limits that are due at once when the description changed', () => {
    const facts = factsOf({ limits: limitsOf(512n) });
    facts.readLimits(0);
    facts.changed();
    assert.equal(facts.limitsOverdue(1), true);
  });
});

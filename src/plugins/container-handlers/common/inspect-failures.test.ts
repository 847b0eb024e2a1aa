import assert from 'node:assert/strict';
import { it } from 'node:test';
import { InspectFailures } from './inspect-failures.js';

it('pauses double up to ten minutes until a success', () => {
  const failures = new InspectFailures(10_000);
  assert.equal(failures.state('a', 0), undefined);
  let now = 0;
  for (const pause of [10, 20, 40, 80, 160, 320, 600, 600]) {
    failures.add('a', now);
    assert.equal(failures.state('a', now + pause * 1000 - 1), 'paused');
    now += pause * 1000;
    assert.equal(failures.state('a', now), 'due');
  }
  failures.add('b', now);
  assert.equal(failures.size, 2);
  assert.equal(failures.delete('a'), false);
  assert.equal(failures.delete('unheard-of'), false);
  assert.equal(failures.delete('b'), true);
});

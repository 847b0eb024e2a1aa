// The last lines of a run of the tests.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { projectRoot } from '../project.js';

interface Event {
  readonly skip?: string | boolean;
  readonly todo?: string | boolean;
  readonly details: { readonly type?: 'suite' | 'test'; readonly error?: { readonly failureType: string } };
}
interface Tally {
  readonly failures: number;
  readonly lacking: number;
  passed(event: Event): void;
  failed(event: Event): void;
  leftOut(): void;
  summary(): string;
}

const { Tally } = (await import(join(projectRoot, 'scripts/test-tally.mjs'))) as { Tally: new () => Tally };
const one = { details: { type: 'test' } } as const;
const suite = { details: { type: 'suite' } } as const;

it('counts skipped suites by reason, and prints how to run them', () => {
  const tally = new Tally();
  tally.passed(one);
  tally.passed(suite);
  tally.passed({ ...suite, skip: 'needs root' });
  tally.passed({ ...one, skip: 'needs root' });
  tally.passed({ ...one, skip: 'needs curl' });
  tally.passed({ ...one, skip: true });
  tally.leftOut();
  assert.equal(tally.lacking, 5);
  assert.deepEqual(tally.summary().split('\n'), [
    'Left out: 1 whole file, 1 whole suite, 3 tests',
    '  1 test: needs curl',
    '  1 whole suite, 1 test: needs root',
    '  1 whole file: needs to be asked for: attacks, and what starts many agents or builds packages',
    '  1 test: no reason given',
    'Run all of them, as root on Debian, with what they need installed: .ci/run',
    '1 passed, 0 failed, 5 skipped',
  ]);
});

it('does not suggest an installation for needs that none provides', () => {
  const tally = new Tally();
  tally.passed({ ...one, skip: 'this kernel has no pressure files' });
  assert.equal(tally.lacking, 0);
  assert.equal(
    tally.summary(),
    'Left out: 1 test\n  1 test: this kernel has no pressure files\n0 passed, 0 failed, 1 skipped',
  );
});

it('counts a failed test once, and a suite only when it fails by itself', () => {
  const tally = new Tally();
  tally.failed({ details: { type: 'test', error: { failureType: 'testCodeFailure' } } });
  tally.failed({ details: { type: 'suite', error: { failureType: 'subtestsFailed' } } });
  tally.failed({ details: { type: 'suite', error: { failureType: 'hookFailed' } } });
  tally.failed({ ...one, todo: true });
  assert.deepEqual([tally.failures, tally.summary()], [2, '0 passed, 2 failed, 0 skipped']);
});

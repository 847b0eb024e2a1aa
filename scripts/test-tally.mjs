// What the tests came to, for the last lines of their run.

/** Skips with these reasons are no lack: nothing could be installed against them. */
const DELIBERATE = [/^one hierarchy is all$/, /^this kernel has no /];

/** Counts events of the test runner. */
export class Tally {
  failures = 0;
  /** Suites and tests that were left out because something is missing here. */
  lacking = 0;
  #passes = 0;
  #skips = 0;
  /** Reason → how many of each. */
  #reasons = new Map();

  /** A suite or a test that fails for its tests alone counts by these. */
  failed({ todo, details }) {
    if (isSet(todo) || details.error?.failureType === 'subtestsFailed') return;
    this.failures++;
  }

  passed({ skip, details }) {
    const isSuite = details.type === 'suite';
    if (!isSet(skip)) {
      if (!isSuite) this.#passes++;
      return;
    }
    this.#skips++;
    const reason = typeof skip === 'string' && skip !== '' ? skip : 'no reason given';
    if (!DELIBERATE.some((pattern) => pattern.test(reason))) this.lacking++;
    const count = this.#reasons.get(reason) ?? { suites: 0, tests: 0 };
    count[isSuite ? 'suites' : 'tests']++;
    this.#reasons.set(reason, count);
  }

  summary() {
    const totals = `${this.#passes} passed, ${this.failures} failed, ${this.#skips} skipped`;
    if (this.#reasons.size === 0) return totals;
    const total = { suites: 0, tests: 0 };
    const lines = [];
    for (const [reason, { suites, tests }] of [...this.#reasons].sort(([a], [b]) => (a < b ? -1 : 1))) {
      total.suites += suites;
      total.tests += tests;
      lines.push(`  ${amount({ suites, tests })}: ${reason}`);
    }
    const all = 'Run all of them, as root on Debian, with what they need installed: .ci/run';
    return [`Left out: ${amount(total)}`, ...lines, ...(this.lacking > 0 ? [all] : []), totals].join('\n');
  }
}

/** Node gives `true`, a reason, or an empty one. */
function isSet(option) {
  return option !== undefined && option !== false;
}

function amount({ suites, tests }) {
  const parts = [
    [suites, 'whole suite'],
    [tests, 'test'],
  ].filter(([count]) => count > 0);
  return parts.map(([count, what]) => `${count} ${what}${count === 1 ? '' : 's'}`).join(' and ');
}

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
    if (isSet(skip)) this.#skipped(isSuite ? 'suite' : 'test', typeof skip === 'string' ? skip : '');
    else if (!isSuite) this.#passes++;
  }

  /** A file that was not started. */
  leftOut() {
    this.#skipped('file', 'needs to be asked for: attacks, and what starts many agents or builds packages');
  }

  #skipped(kind, reason = '') {
    this.#skips++;
    if (!DELIBERATE.some((pattern) => pattern.test(reason))) this.lacking++;
    const key = reason === '' ? 'no reason given' : reason;
    const counts = this.#reasons.get(key) ?? { file: 0, suite: 0, test: 0 };
    counts[kind]++;
    this.#reasons.set(key, counts);
  }

  summary() {
    const totals = `${this.#passes} passed, ${this.failures} failed, ${this.#skips} skipped`;
    if (this.#reasons.size === 0) return totals;
    const total = { file: 0, suite: 0, test: 0 };
    const lines = [];
    for (const [reason, counts] of [...this.#reasons].sort(([a], [b]) => (a < b ? -1 : 1))) {
      for (const kind of Object.keys(total)) total[kind] += counts[kind];
      lines.push(`  ${amount(counts)}: ${reason}`);
    }
    const all = 'Run all of them, as root on Debian, with what they need installed: .ci/run';
    return [`Left out: ${amount(total)}`, ...lines, ...(this.lacking > 0 ? [all] : []), totals].join('\n');
  }
}

/** Node gives `true`, a reason, or an empty one. */
function isSet(option) {
  return option !== undefined && option !== false;
}

function amount({ file, suite, test }) {
  const parts = [
    [file, 'whole file'],
    [suite, 'whole suite'],
    [test, 'test'],
  ].filter(([count]) => count > 0);
  return parts.map(([count, what]) => `${count} ${what}${count === 1 ? '' : 's'}`).join(', ');
}

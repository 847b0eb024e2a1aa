import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { millicores, UsageSummarizer } from './summary.js';

interface RecordedCase {
  samples: { timestamp: string; cpu_total: number; working_set: number }[];
  minute_usage: Record<'cpu' | 'memory', Record<string, number | boolean>>;
}

/** µs after the first sample, with the nanoseconds as fraction: the recording is finer than our clock. */
function microsAfter(start: bigint, timestamp: string): number {
  return Number(nanos(timestamp) - start) / 1000;
}

function nanos(timestamp: string): bigint {
  const [seconds, fraction = ''] = timestamp.slice(0, -1).split('.');
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

const recording = JSON.parse(readFileSync('test/golden/summary-minute-series.json', 'utf8')) as {
  cases: Record<string, RecordedCase>;
};

for (const [name, { samples, minute_usage: expected }] of Object.entries(recording.cases)) {
  it(`minute usage of the recorded series ${name}`, () => {
    const summarizer = new UsageSummarizer();
    const start = nanos(samples[0]!.timestamp);
    for (const sample of samples) {
      summarizer.add(microsAfter(start, sample.timestamp), sample.cpu_total, sample.working_set);
    }
    const { minute } = summarizer.stats();
    assert.equal(minute.percentComplete, 100);
    for (const key of ['cpu', 'memory'] as const) {
      const { std: _std, count: _count, ...published } = minute[key];
      assert.deepEqual(published, expected[key], key);
    }
  });
}

it('only the latest usage is known before the first minute ends', () => {
  const summarizer = new UsageSummarizer();
  assert.deepEqual(summarizer.stats().latest, { cpu: 0, memory: 0 });
  summarizer.add(1_000_000, 0, 5);
  summarizer.add(2_000_000, 500_000_000, 7);
  const stats = summarizer.stats();
  assert.deepEqual(stats.latest, { cpu: 500, memory: 7 });
  assert.equal(stats.minute.cpu.present, false);
  assert.equal(stats.day.percentComplete, 0);
});

it('a day is 1440 minutes, and an hour the newest 60 of them', () => {
  const summarizer = new UsageSummarizer();
  const step = 61_000_000;
  for (let minute = 0; minute <= 1500; minute++) summarizer.add(minute * step, minute * minute * 1e9, minute);
  const { hour, day } = summarizer.stats();
  assert.equal(hour.percentComplete, 100);
  assert.equal(day.percentComplete, 100);
  assert.equal(day.memory.count, 1440);
  assert.equal(hour.memory.count, 60);
  assert.equal(day.memory.max, 1500);
});

it('percentComplete of the day grows with every minute', () => {
  const summarizer = new UsageSummarizer();
  for (let minute = 0; minute <= 720; minute++) summarizer.add(minute * 61_000_000, 0, 1);
  assert.equal(summarizer.stats().day.percentComplete, 50);
});

it('hour and day are computed once per minute', () => {
  const summarizer = new UsageSummarizer();
  const step = 61_000_000;
  for (let minute = 0; minute <= 5; minute++) summarizer.add(minute * step, 0, minute);
  const before = summarizer.stats();
  summarizer.add(5 * step + 1_000_000, 1e9, 7);
  const within = summarizer.stats();
  assert.equal(within.latest.memory, 7);
  assert.equal(within.day, before.day);
  assert.equal(within.hour, before.hour);
  summarizer.add(6 * step, 1e9, 6);
  assert.equal(summarizer.stats().day.memory.count, 6);
});

it('a rate needs 10 ms between samples and a counter that did not go back', () => {
  assert.equal(millicores(1, 9_999), -1);
  assert.equal(millicores(-1, 1_000_000), -1);
  assert.equal(millicores(1_000_000_000, 1_000_000), 1000);
  assert.equal(millicores(999_999_999, 1_000_000), 999);
});

describe('a sample without CPU time or memory', () => {
  const second = 1_000_000;
  /** A container that uses half a core and 100 bytes, seen once a second; `isKnown` says when its CPU time is. */
  function used(seconds: number, isKnown: (second: number) => boolean): UsageSummarizer {
    const summarizer = new UsageSummarizer();
    for (let at = 0; at <= seconds; at++) {
      summarizer.add(at * second, isKnown(at) ? 1e15 + at * 0.5e9 : Number.NaN, 100);
    }
    return summarizer;
  }

  it('causes no peak when the values are available again', () => {
    for (const isKnown of [
      (at: number) => at % 7 !== 3,
      (at: number) => at < 100 || at > 170,
      (at: number) => at > 30,
      (at: number) => at % 61 === 0,
    ]) {
      const { minute, hour, day } = used(400, isKnown).stats();
      for (const { cpu, memory } of [minute, hour, day]) {
        assert.ok(cpu.max <= 500 && cpu.mean <= 500, JSON.stringify(cpu));
        assert.equal(memory.mean, 100);
        assert.equal(memory.present, true);
      }
    }
  });

  it('is not counted as 0', () => {
    const { minute, hour } = used(400, (at) => at < 100 || at > 170).stats();
    assert.deepEqual([minute.cpu.max, hour.cpu.ninety, hour.cpu.fifty, hour.cpu.mean], [500, 500, 500, 500]);
    const summarizer = new UsageSummarizer();
    for (let at = 0; at <= 70; at++) summarizer.add(at * second, at * 1e9, at % 2 === 0 ? Number.NaN : 100);
    const { mean, count } = summarizer.stats().minute.memory;
    assert.deepEqual([mean, count], [100, 31]);
  });

  it('for a whole minute leaves that quantity out of the minute, and hour and day use the other minutes', () => {
    const { minute, hour, day } = used(200, (at) => at < 61).stats();
    assert.deepEqual([minute.cpu.present, minute.cpu.count], [false, 0]);
    assert.deepEqual([hour.cpu.present, hour.cpu.max, hour.cpu.count, hour.memory.count], [true, 500, 1, 3]);
    assert.equal(day.cpu.max, 500);
    const never = used(200, () => false).stats();
    assert.deepEqual([never.day.cpu.present, never.day.memory.present], [false, true]);
  });

  it('followed by one with both gives no latest CPU usage', () => {
    assert.equal(used(10, (at) => at === 10).stats().latest.cpu, 0);
    assert.equal(used(10, (at) => at >= 9).stats().latest.cpu, 500);
  });

  it('never increases the reported usage, whichever samples lack values', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 130, maxLength: 400 }), (known) => {
        const { minute, hour, latest } = used(known.length - 1, (at) => known[at]!).stats();
        assert.ok(Math.max(minute.cpu.max, hour.cpu.max, latest.cpu) <= 500);
      }),
    );
  });
});

describe('the series of minutes', () => {
  it('has means and peaks of the newest minutes, each with its end', () => {
    const summarizer = new UsageSummarizer();
    let cpu = 0;
    for (let second = 0; second <= 5 * 61; second++) {
      cpu += second % 61 === 30 ? 1e9 : 0.1e9;
      summarizer.add(1e15 + second * 1e6, cpu, second < 200 ? 1000 : 3000);
    }
    const { times, cpu: used, memory } = summarizer.minuteSeries(3);
    assert.deepEqual(
      times,
      [3, 4, 5].map((minute) => 1e15 + minute * 61e6),
    );
    assert.deepEqual(
      [used.max, memory.max],
      [
        [1000, 1000, 1000],
        [1000, 3000, 3000],
      ],
    );
    assert.ok(
      used.mean.every((millicores) => millicores > 100 && millicores < 130),
      used.mean.join(),
    );
    assert.ok(memory.mean[1]! > 1000 && memory.mean[1]! < 3000);
    assert.deepEqual(new UsageSummarizer().minuteSeries(3).times, []);
  });
});

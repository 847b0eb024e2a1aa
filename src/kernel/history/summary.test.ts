import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
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
  test(`minute usage of the recorded series ${name}`, () => {
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

test('before the first minute is over nothing but the latest usage is known', () => {
  const summarizer = new UsageSummarizer();
  assert.deepEqual(summarizer.stats().latest, { cpu: 0, memory: 0 });
  summarizer.add(1_000_000, 0, 5);
  summarizer.add(2_000_000, 500_000_000, 7);
  const stats = summarizer.stats();
  assert.deepEqual(stats.latest, { cpu: 500, memory: 7 });
  assert.equal(stats.minute.cpu.present, false);
  assert.equal(stats.day.percentComplete, 0);
});

test('a day is 1440 minutes, and an hour the newest 60 of them', () => {
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

test('the day fills up minute by minute', () => {
  const summarizer = new UsageSummarizer();
  for (let minute = 0; minute <= 720; minute++) summarizer.add(minute * 61_000_000, 0, 1);
  assert.equal(summarizer.stats().day.percentComplete, 50);
});

test('hour and day are computed once for each minute that ends', () => {
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

test('a rate needs 10 ms and a counter that did not go back', () => {
  assert.equal(millicores(1, 9_999), -1);
  assert.equal(millicores(-1, 1_000_000), -1);
  assert.equal(millicores(1_000_000_000, 1_000_000), 1000);
  assert.equal(millicores(999_999_999, 1_000_000), 999);
});

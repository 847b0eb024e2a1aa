import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Container } from '../containers/index.js';
import { UsageSummarizer } from '../history/index.js';
import { SAMPLING } from '../housekeeping/index.js';
import { readMinutes, writeMinutes } from './minute-file.js';
import { MinuteKeeper } from './minute-keeper.js';

const START = 1e15;
const MINUTE_US = 60_000_000;

/** Stopped before the folder goes: they save once more. */
const running: MinuteKeeper[] = [];

function file(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'tallyman-test-'));
  t.after(async () => {
    await Promise.all(running.splice(0).map((one) => one.stop()));
    rmSync(directory, { recursive: true });
  });
  return join(directory, 'state', 'minutes.gz');
}

/** Uses half a CPU and so many bytes. */
function summarizer(minutes: number, bytes: number, from = START): UsageSummarizer {
  const result = new UsageSummarizer();
  for (let second = 0; second <= minutes * 61; second++) result.add(from + second * 1e6, second * 5e8, bytes);
  return result;
}

/** A keeper of containers with these summarizers, at this time; and what it warned of. */
function keeper(
  path: string,
  known: Readonly<Record<string, UsageSummarizer>>,
  now: number,
  begin = Promise.resolve(),
) {
  const warnings: string[] = [];
  const ignore = () => {};
  const logger = { debug: ignore, info: ignore, error: ignore, warn: (text: string) => void warnings.push(text) };
  const containers = Object.entries(known).map(
    ([name, own]) =>
      ({ name, get: (slot: unknown) => (slot === SAMPLING ? { summarizer: own } : undefined) }) as Container,
  );
  const store = { all: () => containers, get: (name: string) => containers.find((one) => one.name === name) };
  const clock = { now: () => now, monotonic: () => 0 };
  return { keeper: new MinuteKeeper({ file: path, containers: store, clock, logger, begin }), warnings };
}

async function restarted(path: string, known: Readonly<Record<string, UsageSummarizer>>, now: number) {
  const { keeper: second, warnings } = keeper(path, known, now);
  second.start();
  running.push(second);
  await second.loaded();
  return { second, warnings };
}

describe('the minutes of the last day', () => {
  it('survive a restart, with the minutes in between as unknown', async (t) => {
    const path = file(t);
    const before = summarizer(100, 1000);
    const end = START + 100 * 61e6;
    const first = keeper(path, { '/a': before }, end);
    await first.keeper.save();
    const after = new UsageSummarizer();
    const { warnings } = await restarted(path, { '/a': after }, end + 50 * MINUTE_US);
    assert.deepEqual(warnings, []);
    const { day } = after.stats();
    assert.deepEqual([day.cpu.count, day.cpu.max, day.memory.fifty], [100, 500, 1000]);
    assert.equal(day.percentComplete, 6);
    // The last hour had 50 minutes without an agent.
    assert.equal(after.stats().hour.cpu.count, 10);
  });

  it('keep those that were measured before the file was read', async (t) => {
    const path = file(t);
    await keeper(path, { '/a': summarizer(100, 1000) }, START + 6100e6).keeper.save();
    const after = summarizer(20, 9000, START + 6200e6);
    await restarted(path, { '/a': after }, START + 7500e6);
    const { day } = after.stats();
    assert.deepEqual([day.memory.count, day.memory.max], [120, 9000]);
  });

  it('wait for a container that comes later, and are written again until then', async (t) => {
    const path = file(t);
    const end = START + 6100e6;
    await keeper(path, { '/late': summarizer(100, 1000) }, end).keeper.save();
    const { second } = await restarted(path, {}, end);
    await second.stop();
    const late = new UsageSummarizer();
    await restarted(path, { '/late': late }, end);
    assert.equal(late.stats().day.cpu.count, 100);
  });

  it('are not written before the file of the agent before is read', async (t) => {
    const path = file(t);
    const end = START + 6100e6;
    await keeper(path, { '/a': summarizer(100, 1000) }, end).keeper.save();
    const early = keeper(path, { '/a': new UsageSummarizer() }, end, new Promise(() => {}));
    early.keeper.start();
    await early.keeper.stop();
    const after = new UsageSummarizer();
    await restarted(path, { '/a': after }, end);
    assert.equal(after.stats().day.cpu.count, 100);
  });

  it('that are older than a day are forgotten', async (t) => {
    const path = file(t);
    await keeper(path, { '/a': summarizer(100, 1000) }, START + 6100e6).keeper.save();
    const after = new UsageSummarizer();
    await restarted(path, { '/a': after }, START + 2 * 1440 * MINUTE_US);
    assert.equal(after.stats().day.cpu.present, false);
  });

  it('begin anew with one warning when their file was cut or damaged anywhere', async (t) => {
    const path = file(t);
    await keeper(path, { '/a': summarizer(100, 1000) }, START).keeper.save();
    const whole = readFileSync(path);
    for (const bytes of [0, 10, whole.length - 1]) {
      writeFileSync(path, whole.subarray(0, bytes));
      const after = new UsageSummarizer();
      const { second, warnings } = await restarted(path, { '/a': after }, START);
      await second.stop();
      assert.match(warnings.join(), /begin anew: .*minutes\.gz is cut or damaged/);
      assert.equal(after.stats().day.cpu.present, false);
    }
    const damaged = Buffer.from(whole);
    damaged[damaged.length - 20]! ^= 0xff;
    writeFileSync(path, damaged);
    await assert.rejects(readMinutes(path), /cut or damaged/);
  });

  it('are not kept, with one warning, where the directory cannot be written', async (t) => {
    const path = join(file(t), 'file', 'below');
    writeFileSync(join(path, '../../..').replace(/\/state$/, '/state'), '');
    const { keeper: one, warnings } = keeper(path, { '/a': summarizer(20, 1) }, START);
    await one.save();
    await one.save();
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /are not kept: E/);
  });

  it('of more containers than the file may hold are counted', async (t) => {
    const path = file(t);
    const kept = { endedAt: START, values: new Float32Array(6 * 1440), repeats: new Uint16Array(1440).fill(1) };
    const many = function* () {
      for (let i = 0; i < 30; i++) yield [`/c${i}`, kept] as const;
    };
    const leftOut = await writeMinutes(path, many(), 500_000);
    assert.ok(leftOut > 0 && leftOut < 30);
    assert.equal((await readMinutes(path)).size, 30 - leftOut);
  });
});

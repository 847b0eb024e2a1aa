// `node test/load/outage.mjs [containers] [minutes]`: an outage of a remote write receiver, with a queue on disk, in simulated time: the
// delivery of the agent takes the samples of that many containers every 10 s. The receiver is a process of its own, which decodes each
// request and looks at the order. Prints what arrived, how fast the queue became empty in real time, and how much memory it took.
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SinkDelivery } from '../../dist/kernel/delivery/sink-delivery.js';
import remoteWrite from '../../dist/plugins/sinks/remote-write/index.js';
import { message, stop, track } from './agents.mjs';
import { residentMemory } from './measure.mjs';
import { containerOf } from './production.mjs';

const [count = 1000, minutes = 60] = process.argv.slice(2).map(Number);
const ROUND_MS = 10_000;
/** Rounds before the outage, in which the heap becomes as large as the sink makes it. */
const WARM_UP_ROUNDS = 60;

/** Time that passes when the bench says so. */
class SteppedClock {
  constructor() {
    this.startUs = Date.now() * 1000;
    this.ms = 0;
    this.timers = new Set();
  }
  now() {
    return this.startUs + this.ms * 1000;
  }
  monotonic() {
    return this.ms;
  }
  after(delayMs, call) {
    const timer = { at: this.ms + delayMs, call };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }
  every(_intervalMs, call) {
    this.round = call;
    return () => {};
  }
  /** Lets an interval pass, with everything that is due in it. */
  async step() {
    this.ms += ROUND_MS;
    for (const timer of [...this.timers].filter(({ at }) => at <= this.ms)) {
      this.timers.delete(timer);
      timer.call();
    }
    await this.round();
  }
}

const clock = new SteppedClock();
const containers = Array.from({ length: count }, (_, index) => {
  const view = containerOf(index);
  const { at } = view.samples();
  const now = (i, cursor) => {
    const sample = at(i, cursor);
    sample.time = clock.now();
    return sample;
  };
  return { ...view, samples: () => ({ length: 1, at: now }) };
});
const agent = { containers: () => containers, pending: () => [] };
const say = (text) => console.error(`outage: ${text}`);
const logger = { debug() {}, info: say, warn: say, error: say };

const directory = mkdtempSync(join(tmpdir(), 'tallyman-outage-'));
const receiver = track(fork(join(dirname(fileURLToPath(import.meta.url)), 'receiver.mjs')));
const ask = (text) => {
  receiver.send(text);
  return message(receiver);
};

async function run() {
  const { url } = await message(receiver);
  const options = remoteWrite.configSchema.parse({ url, host: 'bench', queue: { directory } });
  const sink = remoteWrite.create({}, options);
  let faults = 0;
  const delivery = new SinkDelivery(sink, {
    agent,
    clock,
    logger,
    timers: clock,
    call: (_, call) => call(),
    succeeded() {},
    failed() {},
    spent() {},
    fault(what, error) {
      faults++;
      say(`${what}: ${error.stack}`);
    },
  });
  const settled = async (isSettled) => {
    while (!isSettled(delivery.status())) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  let memory = 0;
  const look = () => {
    memory = Math.max(memory, residentMemory(process.pid));
  };
  await delivery.start();
  for (let i = 0; i < WARM_UP_ROUNDS; i++) {
    await clock.step();
    await settled(({ queue }) => queue.batches === 0);
    look();
  }
  const before = memory;

  await ask('go away');
  const rounds = (minutes * 60_000) / ROUND_MS;
  for (let i = 0; i < rounds; i++) {
    const { attempts } = delivery.status();
    await clock.step();
    // An attempt that is due is made before time goes on.
    await new Promise((resolve) => setTimeout(resolve, attempts === delivery.status().attempts ? 0 : 20));
    look();
  }
  const waiting = delivery.status().queue;
  const duringOutage = memory;
  say(`${waiting.points} data points in ${waiting.batches} batches wait, ${Math.round(waiting.bytes / 1e6)} MB`);
  await ask('come back');
  clock.ms += 120_000;
  const start = performance.now();
  let nextRound = start + ROUND_MS;
  await clock.step();
  while (delivery.status().queue.batches > 0) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    look();
    // What is measured meanwhile comes in real time.
    if (performance.now() < nextRound) continue;
    nextRound += ROUND_MS;
    await clock.step();
  }
  const seconds = (performance.now() - start) / 1000;
  const left = await delivery.finish(10_000);
  const { sent, dropped } = delivery.status();
  const arrived = await ask('tell');
  await sink.stop();
  return {
    containers: count,
    outageMinutes: minutes,
    waited: { points: waiting.points, batches: waiting.batches, bytes: waiting.bytes },
    sent: sent.points,
    dropped,
    left,
    faults,
    arrived,
    catchUp: { seconds: round(seconds), timesRealTime: round((minutes * 60) / seconds) },
    rssMiB: {
      before: round(before),
      outage: round(duringOutage),
      catchUp: round(memory),
      growth: round(memory - before),
    },
  };
}

const round = (value) => Number(value.toFixed(1));

try {
  console.log(JSON.stringify(await run(), undefined, 2));
} finally {
  await stop(receiver);
  rmSync(directory, { recursive: true, force: true });
}

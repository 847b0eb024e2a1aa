// What the API can bear: single answers, a steady rate beside sampling, everything at once, and streams of events of
// which half are never read. Runs against an agent that samples many active cgroups.
import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { message } from './agents.mjs';
import { hierarchies } from './cgroups.mjs';
import { latency, pause, residentMemory } from './measure.mjs';
import { comparePrinting } from './printing.mjs';
import { drain, open, steadily } from './raw-client.mjs';

const RATE = 2000;
const RATE_CONNECTIONS = 8;
const BULK_ANSWERS = 10;
const STREAMS = 200;
/** Events are kept large by long names, so that the sockets' buffers of clients that do not read fill up. */
const NAME_LENGTH = 240;
const DEPTH = 12;
const CYCLES = 1500;
const CYCLES_AT_ONCE = 25;
const LINE_END = 0x0a;
const BRACE = 0x7d;

/** @returns figures for `printApi` */
export async function measureApi({ agent, url, pid }, parent, seconds, { say, signal }) {
  const one = `${parent}/c0000`;
  say('single answers');
  const v13 = await latency(`${url}/api/v1.3/containers${one}`, seconds / 2, 20, signal);
  const v20 = await latency(`${url}/api/v2.0/stats${one}?count=64`, seconds / 2, 20, signal);
  const spec = await latency(`${url}/api/v2.0/spec/?recursive=true`, seconds / 2, 1000, signal);
  const summary = await latency(`${url}/api/v2.0/summary/?recursive=true`, seconds / 2, 200, signal);

  say(`${RATE} requests a second`);
  const before = await samplesOf(url);
  agent.send('watch loop');
  const rate = await steadily(`${url}/api/v2.0/stats${one}?count=1`, RATE, seconds, RATE_CONNECTIONS, signal);
  agent.send('loop delay');
  rate.loop = await message(agent);
  rate.missed = (await samplesOf(url)).missed - before.missed;

  say('everything at once');
  const bulk = await measureBulk({ agent, url, pid });
  say(`${STREAMS} streams of events`);
  const streams = await measureStreams({ url, pid }, parent, signal);
  say('printing against JSON.stringify');
  return { v13, v20, spec, summary, rate, bulk, streams, printing: comparePrinting() };
}

async function samplesOf(url) {
  const text = await (await fetch(`${url}/metrics`)).text();
  const number = (name) => Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1] ?? Number.NaN);
  return { missed: number('tallyman_samples_missed_total') };
}

async function measureBulk({ agent, url, pid }) {
  const rss = residentMemory(pid);
  let peak = rss;
  const watch = setInterval(() => {
    peak = Math.max(peak, residentMemory(pid));
  }, 20);
  agent.send('watch loop');
  const rates = [];
  let bytes = 0;
  for (let i = 0; i < BULK_ANSWERS; i++) {
    const answer = await drain(`${url}/api/v1.3/subcontainers/`);
    bytes = answer.bytes;
    rates.push(answer.bytes / 1e6 / (answer.ms / 1000));
  }
  agent.send('loop delay');
  const loop = await message(agent);
  clearInterval(watch);
  rates.sort((a, b) => a - b);
  return { bytes, median: rates[rates.length >> 1], best: rates.at(-1), growth: peak - rss, loop };
}

/** Half of the clients read, half never do; containers come and go until those that do not read were given up. */
async function measureStreams({ url, pid }, parent, signal) {
  const address = `${url}/api/v1.3/events?stream=true&creation_events=true&deletion_events=true&subcontainers=true`;
  const rss = residentMemory(pid);
  const sockets = Array.from({ length: STREAMS }, () => open(address));
  const readers = sockets.slice(STREAMS / 2).map(lineCounter);
  for (const socket of sockets.slice(0, STREAMS / 2)) socket.pause().on('error', () => {});
  await pause(1000, signal);
  const [{ path }] = hierarchies();
  const folders = Array.from({ length: DEPTH }, (_, i) =>
    join(path, parent, ...Array(i + 1).fill('x'.repeat(NAME_LENGTH))),
  );
  for (const folder of folders) mkdirSync(folder);
  try {
    for (let cycle = 0; cycle < CYCLES; cycle += CYCLES_AT_ONCE) {
      const leaves = Array.from({ length: CYCLES_AT_ONCE }, (_, i) => join(folders.at(-1), `c${cycle + i}`));
      for (const leaf of leaves) mkdirSync(leaf);
      await untilAll(readers, DEPTH + 2 * cycle + CYCLES_AT_ONCE, signal);
      for (const leaf of leaves) rmdirSync(leaf);
      await untilAll(readers, DEPTH + 2 * (cycle + CYCLES_AT_ONCE), signal);
    }
  } finally {
    for (const folder of folders.reverse()) rmdirSync(folder);
  }
  const expected = DEPTH + 2 * CYCLES;
  const growth = residentMemory(pid) - rss;
  const complete = readers.filter(({ lines }) => lines >= expected).length;
  for (const socket of sockets) socket.destroy();
  return { events: expected, complete, readers: readers.length, deaf: STREAMS / 2, growth };
}

/** Counts events: an event ends with a line end after a brace, a piece of the transfer with one after a carriage return. */
function lineCounter(socket) {
  const counter = { lines: 0 };
  let last = 0;
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    for (let at = chunk.indexOf(LINE_END); at >= 0; at = chunk.indexOf(LINE_END, at + 1)) {
      if ((at === 0 ? last : chunk[at - 1]) === BRACE) counter.lines++;
    }
    last = chunk.at(-1);
  });
  return counter;
}

async function untilAll(readers, lines, signal) {
  const deadline = performance.now() + 60_000;
  while (readers.some((reader) => reader.lines < lines)) {
    if (performance.now() > deadline) throw new Error('a stream that is read fell behind by more than a minute');
    await pause(20, signal);
  }
}

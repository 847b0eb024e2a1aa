// Loaded into the agent by `--import`: while asked to, measures its event loop's delay or where its CPU time goes.
// Costs nothing otherwise.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const RESOLUTION_MS = 10;
const TOP = 15;
const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
/** The histogram holds the time between two wakings of a timer, so the timer's own interval is taken off. */
const delay = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
/** Waiting, and the profiler's own work. */
const NOT_THE_AGENT = new Set(['(idle)', '(program)', 'dispatch']);
let session;
/** CPU time of all threads, ms: the compiler and the collector have threads of their own. */
const timeOfAll = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const timeOfMain = () => Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
const began = new WeakMap();
const answers = [];
// In this order, so that the main thread's time is without what asking for that of all costs.
const begin = ({ response }) => began.set(response, { all: timeOfAll(), main: timeOfMain() });
const finish = ({ response }) => {
  const before = began.get(response);
  if (before === undefined) return;
  const main = timeOfMain() - before.main;
  answers.push({ main, all: timeOfAll() - before.all });
};

const orders = {
  'watch answers'() {
    answers.length = 0;
    subscribe('http.server.request.start', begin);
    subscribe('http.server.response.finish', finish);
  },
  /** CPU time, ms, from the start of each request to the end of its answer. */
  'CPU time of answers'() {
    unsubscribe('http.server.request.start', begin);
    unsubscribe('http.server.response.finish', finish);
    process.send(answers);
  },
  'watch loop'() {
    histogram.reset();
    histogram.enable();
  },
  'loop delay'() {
    histogram.disable();
    const [p50, p99] = [50, 99].map((percent) => delay(histogram.percentile(percent)));
    process.send({ p50, p99, max: delay(histogram.max) });
  },
  /** What is in use after a full collection of garbage, MiB. */
  memory() {
    setFlagsFromString('--expose-gc');
    runInNewContext('gc')();
    const { heapUsed, external, rss } = process.memoryUsage();
    process.send({ heap: heapUsed / 2 ** 20, external: external / 2 ** 20, resident: rss / 2 ** 20 });
  },
  async 'watch CPU'() {
    session = new Session();
    session.connect();
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: 200 });
    await session.post('Profiler.start');
  },
  async 'CPU profile'() {
    const { profile } = await session.post('Profiler.stop');
    session.disconnect();
    process.send(summarise(profile));
  },
  async 'CPU of'(names) {
    const { profile } = await session.post('Profiler.stop');
    session.disconnect();
    process.send(costOf(profile, names));
  },
};

/** The functions that most time was spent in, themselves, with their share of the time that was not idle. */
function summarise({ nodes, samples, timeDeltas }) {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const times = new Map();
  let busy = 0;
  for (const [index, id] of samples.entries()) {
    const { functionName, url, lineNumber } = frames.get(id);
    if (NOT_THE_AGENT.has(functionName)) continue;
    const place = url === '' ? 'native' : `${url.replace(/^.*\/(dist|node_modules)\//, '')}:${lineNumber + 1}`;
    const name = `${functionName || '(anonymous)'} ${place}`;
    times.set(name, (times.get(name) ?? 0) + timeDeltas[index]);
    busy += timeDeltas[index];
  }
  const top = [...times].sort(([, a], [, b]) => b - a).slice(0, TOP);
  return top.map(([name, time]) => ({ name, share: time / busy }));
}

/** CPU time of the functions of these names with all that they called, ms per second of the profile. */
function costOf({ nodes, samples, timeDeltas, startTime, endTime }, names) {
  const own = new Map();
  for (const [index, id] of samples.entries()) own.set(id, (own.get(id) ?? 0) + timeDeltas[index]);
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const called = new Set(nodes.flatMap(({ children = [] }) => children));
  let total = 0;
  const walk = (id, isCounted) => {
    const { callFrame, children = [] } = byId.get(id);
    const counts = isCounted || names.includes(callFrame.functionName);
    if (counts) total += own.get(id) ?? 0;
    for (const child of children) walk(child, counts);
  };
  for (const { id } of nodes) if (!called.has(id)) walk(id, false);
  return total / 1000 / ((endTime - startTime) / 1e6);
}

process.on('message', (order) => orders[order.order ?? order](order.names));
process.channel?.unref();

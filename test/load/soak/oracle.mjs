// Says what is wrong with the agent, by what the kernel says.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** How long the agent may take to find a container or that it is gone, besides the time in which it could not run, ms. */
const FOUND_WITHIN_MS = 10_000;
/** How much later than its interval a sample may be on a busy host, ms. */
const LATE_MS = 5_000;
/** The longest interval of the configurations, ms. */
const LONGEST_INTERVAL_MS = 2_000;

export class Oracle {
  violations = [];
  checks = 0;
  /** What the agent had of the host since the previous check, in words. */
  circumstances = '';
  /** Names of containers that have been reported. */
  #reported = new Set();
  /** The newest CPU time by container. */
  #cpu = new Map();
  /** Times in which the agent could not run: [from, to] in monotonic ms. */
  #stops = [];
  /** When the clock was last set. */
  #stepped = -Infinity;

  constructor(containers, url) {
    this.containers = containers;
    this.url = url;
  }

  stopped(from, to) {
    this.#stops.push([from, to]);
    if (this.#stops.length > 1000) this.#stops.shift();
  }

  stepped() {
    this.#stepped = performance.now();
  }

  async check(isStopped) {
    if (isStopped()) return;
    const { containers } = this;
    const asked = performance.now();
    const answer = await fetch(`${this.url}/api/v2.0/spec${containers.name}?recursive=true`).catch((error) => error);
    if (!(answer instanceof Response)) {
      if (!isStopped()) this.#violate('answer', `no answer: ${answer.cause ?? answer}`);
      return;
    }
    if (answer.status === 503) return;
    const listed = new Set(Object.keys(await answer.json()));
    this.checks++;
    for (const [name, at] of containers.created) {
      if (asked - at - this.#stoppedSince(at) > FOUND_WITHIN_MS && !listed.has(name)) this.#once('missed', name);
    }
    for (const [name, at] of containers.removed) {
      if (asked - at - this.#stoppedSince(at) <= FOUND_WITHIN_MS) continue;
      if (listed.has(name)) this.#once('left over', name);
      else if (asked - at > 120_000) containers.removed.delete(name);
    }
    for (const name of containers.current.filter((each) => each.includes('/busy'))) await this.#checkBusy(name);
  }

  /** CPU time never goes back and is what the kernel says; samples are as close as their interval says. */
  async #checkBusy(name) {
    const before = this.containers.cpuTime(name);
    const url = `${this.url}/api/v2.0/stats${name}?count=-1&max_age=0s`;
    const answer = await fetch(url).catch(() => undefined);
    if (answer === undefined || answer.status !== 200) return;
    const samples = Object.values(await answer.json())[0] ?? [];
    const after = this.containers.cpuTime(name);
    const newest = samples.at(-1)?.cpu?.usage.total;
    if (newest === undefined) return;
    if (newest < before || newest > after) this.#violate('number', `${name}: ${newest} is not in ${before} … ${after}`);
    if (newest < (this.#cpu.get(name) ?? 0)) this.#violate('counter', `${name} went back to ${newest}`);
    this.#cpu.set(name, newest);
    let last;
    for (const { timestamp, cpu } of samples) {
      const at = timeOf(timestamp);
      if (last !== undefined) {
        if (cpu.usage.total < last.total) this.#violate('counter', `${name} went back at ${timestamp}`);
        if (at <= last.at) this.#once('order', `${name}: ${timestamp} is not after its predecessor`);
        this.#checkGap(name, at - last.at, timestamp);
      }
      last = { at, total: cpu.usage.total };
    }
  }

  #checkGap(name, gapMs, timestamp) {
    // A step of the clock shows as a gap for as long as the history goes back.
    if (performance.now() - this.#stepped < 180_000) return;
    // The history goes back this far.
    const stopped = this.#stoppedSince(performance.now() - 180_000);
    if (gapMs > stopped + LATE_MS + LONGEST_INTERVAL_MS)
      this.#once('gap', `${name}: ${Math.round(gapMs)} ms before ${timestamp}; the agent had ${this.circumstances}`);
  }

  #stoppedSince(at) {
    return this.#stops.reduce((sum, [from, to]) => sum + Math.max(0, to - Math.max(from, at)), 0);
  }

  #once(kind, what) {
    if (this.#reported.has(`${kind} ${what}`)) return;
    this.#reported.add(`${kind} ${what}`);
    this.#violate(kind, what);
  }

  #violate(kind, what) {
    if (this.violations.length < 200) this.report(kind, what);
  }

  /** Records and prints what is not as it has to be. */
  report(kind, what) {
    this.violations.push({ kind, what, at: new Date().toISOString() });
    console.log(`${kind}: ${what}`);
  }
}

/** ms since the epoch, microseconds included: after a small step back of the clock samples are that close. */
function timeOf(timestamp) {
  const [seconds, fraction = '0'] = timestamp.slice(0, -1).split('.');
  return Date.parse(`${seconds}Z`) + Number(`0.${fraction}`) * 1000;
}

/** Descriptors and inotify watches of a process. */
export function heldBy(pid) {
  const folder = `/proc/${pid}/fd`;
  const held = { descriptors: 0, watches: 0 };
  for (const name of readdirSync(folder)) {
    try {
      held.descriptors++;
      if (!readlinkSync(`${folder}/${name}`).includes('inotify')) continue;
      const text = readFileSync(`/proc/${pid}/fdinfo/${name}`, 'utf8');
      held.watches += text.split('\n').filter((line) => line.startsWith('inotify ')).length;
    } catch {} // closed meanwhile
  }
  return held;
}

/** How long the main thread of a process has waited for a CPU in all, ms. */
export function waitedMs(pid) {
  const [, waited = '0'] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ');
  return Number(waited) / 1e6;
}

/** Least squares: by how much the values grow per hour, and over the whole time. */
export function growth(points) {
  const n = points.length;
  const meanX = points.reduce((sum, { at }) => sum + at, 0) / n;
  const meanY = points.reduce((sum, { value }) => sum + value, 0) / n;
  let [xy, xx] = [0, 0];
  for (const { at, value } of points) {
    xy += (at - meanX) * (value - meanY);
    xx += (at - meanX) ** 2;
  }
  const slope = xx === 0 ? 0 : xy / xx;
  return { perHour: slope * 3_600_000, total: slope * (points.at(-1).at - points[0].at), mean: meanY };
}

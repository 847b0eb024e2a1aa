// What the bench measures with: a process's CPU time and memory, and the latency of requests.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { createServer } from 'node:net';
import { basename, dirname, join } from 'node:path';

const TICKS_PER_SECOND = 100; // USER_HZ, the same on all of Linux's architectures that Node runs on

export const pause = (milliseconds, signal) =>
  new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
  });

/** A TCP port that nobody listens on now. */
export const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** User and system time of all threads of a process since its start, ms. */
export function cpuTime(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
}

/** CPU that a process uses over a while, in ms per second. */
export async function cpuPerSecond(pid, seconds, signal) {
  const start = performance.now();
  const before = cpuTime(pid);
  await pause(seconds * 1000, signal);
  return (cpuTime(pid) - before) / ((performance.now() - start) / 1000);
}

/** Resident memory, MiB. */
export function residentMemory(pid) {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
}

/** The cgroup files that a process keeps open. */
function openCgroupFiles(pid) {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder)
    .map((name) => {
      try {
        return readlinkSync(`${folder}/${name}`);
      } catch {
        return ''; // closed meanwhile
      }
    })
    .filter((path) => /^\/sys\/fs\/cgroup\/.*\/[a-z]+\.[^/]*$/.test(path));
}

/**
 * What the floor reads: of each of the bench's cgroups the files that the agent keeps open of any of them, as it may not keep all
 * open; of others those that it keeps open.
 * @param folders of the cgroups, one per hierarchy
 */
export function filesToRead(pid, folders) {
  const own = new Set(folders.flat());
  const names = new Map();
  const others = openCgroupFiles(pid).filter((path) => {
    const hierarchy = dirname(dirname(path));
    if (!own.has(dirname(path))) return true;
    names.set(hierarchy, (names.get(hierarchy) ?? new Set()).add(basename(path)));
    return false;
  });
  const all = [...own].flatMap((folder) => [...(names.get(dirname(folder)) ?? [])].map((name) => join(folder, name)));
  return [...others, ...all];
}

const connection = new Agent({ keepAlive: true, maxSockets: 1 });

/** One request over a kept connection. @returns its time in ms and the size of the answer in bytes */
export function request(url) {
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const call = get(url, { agent: connection }, (response) => {
      let bytes = 0;
      const chunks = [];
      response.on('data', (chunk) => {
        bytes += chunk.length;
        if (response.statusCode !== 200) chunks.push(chunk);
      });
      response.once('error', reject);
      response.once('end', () => {
        if (response.statusCode === 200) resolve({ ms: performance.now() - start, bytes });
        else reject(new Error(`${url}: ${response.statusCode} ${Buffer.concat(chunks)}`));
      });
    });
    call.once('error', reject);
  });
}

/** Asks again and again, at irregular moments, so that requests do not fall in step with the agent's own rhythm. */
export async function latency(url, seconds, meanGap, signal) {
  const times = [];
  let bytes = 0;
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const answer = await request(url);
    times.push(answer.ms);
    bytes = answer.bytes;
    await pause(Math.random() * 2 * meanGap, signal);
  }
  times.sort((a, b) => a - b);
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), requests: times.length, bytes };
}

function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)];
}

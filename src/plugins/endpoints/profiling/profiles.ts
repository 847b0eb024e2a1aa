import type { Profiler } from 'node:inspector';
import { Session } from 'node:inspector/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { HeapProfile } from './pprof.js';

/** Bytes allocated, on average, between two samples of a heap profile. */
const HEAP_SAMPLING = 64 * 1024;

/** Runs `work` with a session of the in-process inspector, which opens no port. */
async function inspected<T>(work: (session: Session) => Promise<T>): Promise<T> {
  const session = new Session();
  session.connect();
  try {
    return await work(session);
  } finally {
    session.disconnect();
  }
}

/**
 * What the agent does for `milliseconds`, in the form of Chrome's tools (`.cpuprofile`).
 * @param interval between two samples, ms
 * @param signal ends it early: rejects
 */
export function cpuProfile(milliseconds: number, interval: number, signal: AbortSignal): Promise<Profiler.Profile> {
  return inspected(async (session) => {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: Math.round(interval * 1000) });
    await session.post('Profiler.start');
    await pause(milliseconds, undefined, { signal });
    return (await session.post('Profiler.stop')).profile;
  });
}

/** What the agent allocates within `milliseconds` and still holds at the end. @param signal rejects early */
export function heapProfile(milliseconds: number, signal: AbortSignal): Promise<HeapProfile> {
  return inspected(async (session) => {
    await session.post('HeapProfiler.enable');
    await session.post('HeapProfiler.startSampling', { samplingInterval: HEAP_SAMPLING });
    await pause(milliseconds, undefined, { signal });
    return (await session.post('HeapProfiler.stopSampling')).profile as HeapProfile;
  });
}

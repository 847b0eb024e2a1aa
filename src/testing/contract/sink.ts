import { setTimeout as pause } from 'node:timers/promises';
import type { Sink } from '../../kernel/contracts/index.js';
import type { TestContextOptions } from '../context.js';
import { type Check, type CheckSetup, Problems } from './check.js';
import { make, start, stop } from './life.js';

const SHORTEST_INTERVAL = 100;
const ABORT_LIMIT = 2_000;

/** Checks of a sink: its rhythm, and that a push ends when it is told to. */
export function sinkChecks(setup: CheckSetup, services: TestContextOptions): Check[] {
  return [
    {
      name: 'has an interval',
      run: () => {
        const made = make(setup, services);
        const { interval } = made.instance as Sink;
        made.context.dispose();
        if (Number.isFinite(interval) && interval >= SHORTEST_INTERVAL) return [];
        return [`interval is ${interval}; ${SHORTEST_INTERVAL} ms or more was expected`];
      },
    },
    { name: 'ends a push that is aborted', run: () => abortProblems(setup, services) },
  ];
}

async function abortProblems(setup: CheckSetup, services: TestContextOptions): Promise<string[]> {
  const problems = new Problems();
  const made = make(setup, services);
  try {
    await start(setup.plugin, made);
    for (const when of ['before', 'while'] as const) {
      const abort = new AbortController();
      if (when === 'before') abort.abort();
      // A rejection says that something was not delivered, which is as good an end as any.
      const pushed = (made.instance as Sink).push(abort.signal).catch(() => {});
      abort.abort();
      const late = await Promise.race([pushed.then(() => false), pause(ABORT_LIMIT, true, { ref: false })]);
      if (late) problems.add(`push goes on for more than ${ABORT_LIMIT} ms when its signal is aborted ${when} it`);
    }
  } finally {
    await stop(made);
  }
  return problems.list();
}

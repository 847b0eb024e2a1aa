import { setTimeout as pause } from 'node:timers/promises';
import type { AgentView, Sink } from '../../kernel/contracts/index.js';
import { deliverOnce } from '../../kernel/delivery/index.js';
import type { TestContextOptions } from '../context.js';
import type { Check, CheckSetup } from './check.js';
import { type Made, make, whileStarted } from './life.js';

const SHORTEST_INTERVAL_MS = 100;
const ABORT_LIMIT_MS = 2_000;

/** Checks of a sink: its options, its encoder, and that sending can be aborted. */
export function sinkChecks(setup: CheckSetup, services: TestContextOptions): Check[] {
  return [
    { name: 'has the options of sinks and a format', run: () => shapeProblems(setup, services) },
    { name: 'ends a send that is aborted', run: () => abortProblems(setup, services) },
  ];
}

function shapeProblems(setup: CheckSetup, services: TestContextOptions): string[] {
  const { instance, context } = make(setup, services);
  context.dispose();
  const { options, format } = instance as Partial<Sink>;
  const problems: string[] = [];
  if (typeof format !== 'string' || format === '')
    problems.push('format is not a text that names the form of its bodies');
  if (options?.batch === undefined || options.queue === undefined) {
    problems.push(
      'options lack those of sinks: spread sinkOptions into configSchema, and give what create gets as options',
    );
  } else if (!(options.interval >= SHORTEST_INTERVAL_MS)) {
    problems.push(`options.interval is ${options.interval}; ${SHORTEST_INTERVAL_MS} ms or more was expected`);
  }
  return problems;
}

function abortProblems(setup: CheckSetup, services: TestContextOptions): Promise<string[]> {
  return whileStarted(setup, services, async (made) => {
    const problems: string[] = [];
    for (const when of ['before', 'while'] as const) {
      const abort = new AbortController();
      if (when === 'before') abort.abort();
      // Rejecting is allowed: it reports that the batch was not delivered.
      const sent = sendTo(made, services.agent, abort.signal).catch(() => {});
      abort.abort();
      const late = await Promise.race([sent.then(() => false), pause(ABORT_LIMIT_MS, true, { ref: false })]);
      if (late) problems.push(`send goes on for more than ${ABORT_LIMIT_MS} ms when its signal is aborted ${when} it`);
    }
    return problems;
  });
}

/** Without an agent there is nothing to encode: an empty batch is sent. */
async function sendTo({ instance, context }: Made, agent: AgentView | undefined, signal: AbortSignal): Promise<void> {
  const sink = instance as Sink;
  if (agent === undefined) {
    await sink.send({ body: new Uint8Array(), points: 0, oldest: 0, newest: 0, attempts: 0 }, signal);
  } else await deliverOnce(sink, { ...context, agent }, signal);
}

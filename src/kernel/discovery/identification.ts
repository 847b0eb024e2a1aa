import type { Identification } from '../contracts/index.js';
import type { ActivePlugin, Supervisor } from '../supervision/index.js';

type Handler = ActivePlugin<'container-handler'>;

/** The first handler that did not pass, and its verdict. */
export interface Judgement {
  readonly handlerId: string;
  readonly identification: Exclude<Identification, { verdict: 'pass' }>;
}

/**
 * Asks the handlers in order whose a cgroup is, those that take what is left after all others. One that throws or
 * answers nonsense is reported and counts as passing. What is no container of a runtime (a unit, a machine, a pod) is a
 * plain cgroup with a name: whether it is monitored is up to those that take what is left, as long as there are any.
 * @returns undefined when all pass
 */
export function identify(
  name: string,
  handlers: readonly Handler[],
  supervisor: Pick<Supervisor, 'fault'>,
): Judgement | undefined {
  const judgement = ask(name, handlers, false, supervisor);
  if (judgement !== undefined && !isPlain(judgement)) return judgement;
  const fallback = ask(name, handlers, true, supervisor);
  if (judgement === undefined || fallback?.identification.verdict === 'ignore') return fallback;
  const hasFallback = handlers.some(({ instance }) => instance.fallback === true);
  return fallback === undefined && hasFallback ? undefined : judgement;
}

function isPlain({ identification }: Judgement): boolean {
  return identification.verdict === 'accept' && (identification.description.kind ?? 'container') !== 'container';
}

/** @param fallbacks which of the handlers are asked */
function ask(
  name: string,
  handlers: readonly Handler[],
  fallbacks: boolean,
  supervisor: Pick<Supervisor, 'fault'>,
): Judgement | undefined {
  for (const { record, instance } of handlers) {
    if ((instance.fallback === true) !== fallbacks) continue;
    try {
      const identification = instance.identify(name);
      if (!isIdentification(identification)) {
        throw new TypeError(`identify(${JSON.stringify(name)}) must return a verdict: pass, ignore, pending or accept`);
      }
      if (identification.verdict !== 'pass') return { handlerId: record.id, identification };
    } catch (error) {
      supervisor.fault(record, 'identify', error);
    }
  }
  return undefined;
}

/** Handlers come from strangers too: their answers are checked as far as the registry relies on them. */
function isIdentification(answer: unknown): answer is Identification {
  const { verdict, description } = (answer ?? {}) as { verdict?: unknown; description?: unknown };
  if (verdict === 'accept') return typeof description === 'object' && description !== null;
  return verdict === 'pass' || verdict === 'ignore' || verdict === 'pending';
}

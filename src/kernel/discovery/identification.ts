import type { Identification } from '../contracts/index.js';
import type { ActivePlugin, Supervisor } from '../supervision/index.js';

type Handler = ActivePlugin<'container-handler'>;

/** The first handler that did not pass, and its answer. */
export interface HandlerVerdict {
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
): HandlerVerdict | undefined {
  const result = ask(name, handlers, false, supervisor);
  if (result !== undefined && !isPlain(result)) return result;
  const fallback = ask(name, handlers, true, supervisor);
  if (result === undefined || fallback?.identification.verdict === 'ignore') return fallback;
  const hasFallback = handlers.some(({ instance }) => instance.fallback === true);
  return fallback === undefined && hasFallback ? undefined : result;
}

function isPlain({ identification }: HandlerVerdict): boolean {
  return identification.verdict === 'accept' && (identification.description.kind ?? 'container') !== 'container';
}

/** @param fallbacks whether to ask the fallback handlers or the others */
function ask(
  name: string,
  handlers: readonly Handler[],
  fallbacks: boolean,
  supervisor: Pick<Supervisor, 'fault'>,
): HandlerVerdict | undefined {
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

/** Checks the answer of a handler, which may be a third-party plugin. */
function isIdentification(answer: unknown): answer is Identification {
  const { verdict, description } = (answer ?? {}) as { verdict?: unknown; description?: unknown };
  if (verdict === 'accept') return typeof description === 'object' && description !== null;
  return verdict === 'pass' || verdict === 'ignore' || verdict === 'pending';
}

import type { Identification } from '../contracts/index.js';
import type { RegisteredHandler } from './types.js';

/** The first handler that did not pass, and its verdict. */
export interface Judgement {
  readonly handlerId: string;
  readonly identification: Exclude<Identification, { verdict: 'pass' }>;
}

/**
 * Asks the handlers in order whose a cgroup is, those that take what is left after all others. One that throws or
 * answers nonsense is reported and counts as passing.
 * @returns undefined when all pass
 */
export function identify(
  name: string,
  handlers: readonly RegisteredHandler[],
  onFault: (handlerId: string, error: unknown) => void,
): Judgement | undefined {
  return ask(name, handlers, false, onFault) ?? ask(name, handlers, true, onFault);
}

/** @param fallbacks which of the handlers are asked */
function ask(
  name: string,
  handlers: readonly RegisteredHandler[],
  fallbacks: boolean,
  onFault: (handlerId: string, error: unknown) => void,
): Judgement | undefined {
  for (const { id, handler } of handlers) {
    if ((handler.fallback === true) !== fallbacks) continue;
    try {
      const identification = handler.identify(name);
      if (!isIdentification(identification)) {
        throw new TypeError(`identify(${JSON.stringify(name)}) must return a verdict: pass, ignore, pending or accept`);
      }
      if (identification.verdict !== 'pass') return { handlerId: id, identification };
    } catch (error) {
      onFault(id, error);
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

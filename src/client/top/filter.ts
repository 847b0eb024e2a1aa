import { isRunning, pressureOf, type Row, shareOf } from './rows.js';

export type Predicate = (row: Row) => boolean;

/**
 * A filter in words that must all fit: `web` in the name, id or image; `state:exited`, `runtime:docker`, `image:redis`,
 * `project:shop`, `pod:default/web`, `label:team` or `label:team=a`. `!` in front negates a word.
 */
export function filterOf(text: string): Predicate {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean).map(wordPredicate);
  return (row) => words.every((fits) => fits(row));
}

function wordPredicate(word: string): Predicate {
  if (word.startsWith('!') && word.length > 1) {
    const fits = wordPredicate(word.slice(1));
    return (row) => !fits(row);
  }
  const [, key = '', value = ''] = /^(state|runtime|image|project|pod|label):(.*)$/.exec(word) ?? [];
  switch (key) {
    case 'state':
      return (row) => stateWords(row).some((each) => each.startsWith(value));
    case 'label':
      return ({ facts }) => Object.entries(facts.labels).some((label) => labelFits(label, value));
    case 'runtime':
    case 'image':
    case 'project':
    case 'pod':
      return ({ facts }) => (facts[key] ?? '').toLowerCase().includes(value);
    default:
      return ({ facts: { name, path, image = '' } }) =>
        [name, path, image].some((each) => each.toLowerCase().includes(word));
  }
}

function labelFits([name, text]: readonly [string, string], wanted: string): boolean {
  const [key = '', value] = wanted.split(/=(.*)/s);
  return name.toLowerCase() === key && (value === undefined || text.toLowerCase() === value);
}

function stateWords({ facts: { state, health } }: Row): string[] {
  return health === undefined ? [state] : [state, health];
}

/** Choices of the state filter, in the order of its key. */
export const STATES: readonly { readonly name: string; readonly fits: Predicate; readonly needsNumbers?: true }[] = [
  { name: 'any', fits: () => true },
  { name: 'running', fits: isRunning },
  { name: 'stopped', fits: (row) => !isRunning(row) },
  { name: 'in trouble', fits: isInTrouble, needsNumbers: true },
];

const NEAR_LIMIT = 0.9;
const MUCH_THROTTLED = 0.25;
const MUCH_PRESSURE = 20;

/** Whether a number or the state of a container is one to look at. */
export function isInTrouble(row: Row): boolean {
  const { health, state, exit_code, oom_killed } = row.facts;
  if (health === 'unhealthy' || state === 'restarting' || state === 'dead' || oom_killed === true) return true;
  if (state === 'exited') return (exit_code ?? 0) !== 0;
  return (
    (row.throttled ?? 0) >= MUCH_THROTTLED ||
    (shareOf(row.memory, row.memory_limit) ?? 0) >= NEAR_LIMIT ||
    (pressureOf(row) ?? 0) >= MUCH_PRESSURE
  );
}

// What a page does while it is looked at. It works without any of this: the server writes every number once.
import type { Limits } from '../shared/reading.js';
import { Numbers } from './numbers.js';
import { Poller, type PollState } from './poller.js';
import { localTimes, renewSections } from './sections.js';

/** Numbers are asked for this often, and tables, which cost the agent more, this often or less; ms. */
const NUMBERS_EVERY = 1000;
const TABLES_EVERY = 5000;
/** Making the tables takes at most one part in this many of the agent's time. */
const TABLES_SHARE = 20;

const states = new Map<string, PollState>();

function tell(what: string, state: PollState): void {
  states.set(what, state);
  const failing = [...states.values()].find(({ kind }) => kind === 'failing');
  document.body.classList.toggle('stale', failing !== undefined);
  const status = document.getElementById('status')!;
  const text = failing === undefined ? state.kind : failingText(failing);
  if (status.textContent === text) return;
  status.textContent = text;
  status.dataset.state = failing === undefined ? state.kind : 'failing';
}

function failingText(state: PollState): string {
  if (state.kind !== 'failing') return state.kind;
  return `${state.reason} Since ${new Date(state.since).toLocaleTimeString()}; trying again.`;
}

/** Absent attributes are no limits. */
function limitOf(value: string | undefined): number | undefined {
  return value === undefined || value === '' ? undefined : Number(value);
}

/** As the page says now: they may change while it is looked at. */
function limitsOf({ dataset: { cores, memory } }: HTMLElement): Limits {
  const [coreLimit, memoryLimit] = [limitOf(cores), limitOf(memory)];
  return {
    ...(coreLimit !== undefined && { cores: coreLimit }),
    ...(memoryLimit !== undefined && { memory: memoryLimit }),
  };
}

const main = document.querySelector('main')!;
const { samples } = main.dataset;
const numbers = samples === undefined ? undefined : new Numbers(samples, () => limitsOf(main));
if (numbers !== undefined) {
  new Poller(
    (signal) => numbers.renew(signal),
    () => NUMBERS_EVERY,
    (state) => tell('numbers', state),
  ).start();
}

const tables = new Poller(
  async (signal) => {
    await renewSections(location.href, signal);
    numbers?.show();
  },
  (took) => Math.max(TABLES_EVERY, took * TABLES_SHARE),
  (state) => tell('tables', state),
);
tables.start();
localTimes(document);

// Another order or page of a table comes without a new page.
document.addEventListener('click', (event) => {
  const link = (event.target as Element).closest<HTMLAnchorElement>('a[data-inplace]');
  if (link === null || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  history.replaceState(null, '', link.href);
  void tables.now();
});

// What a page does while it is looked at. It works without any of this: the server writes every number once.
import { LiveTable } from './live-table.js';
import { Poller, type PollState } from './poller.js';
import { localTimes, renewSections } from './sections.js';

/** Charts are renewed this often, and tables, which cost the agent more, this often or less; ms. */
const CHARTS_MS = 1000;
const SECTIONS_MS = 5000;
/** Making the tables takes at most one part in this many of the agent's time. */
const SECTIONS_SHARE = 20;
/** Below this width the charts of the host are folded. */
const WIDE = '(min-width: 48rem)';

const states = new Map<string, PollState>();

function report(what: string, state: PollState): void {
  states.set(what, state);
  const shown = [...states.values()].find(({ kind }) => kind === 'failing') ?? state;
  document.body.classList.toggle('stale', shown.kind === 'failing');
  const status = document.getElementById('status')!;
  const text = textOf(shown);
  if (status.textContent === text) return;
  status.textContent = text;
  status.dataset.state = shown.kind;
}

function textOf(state: PollState): string {
  if (state.kind !== 'failing') return state.kind;
  return `${state.reason} Since ${new Date(state.since).toLocaleTimeString()}; trying again.`;
}

function poll(
  what: string,
  job: (signal: AbortSignal) => Promise<void>,
  interval: (lastTook: number) => number,
): Poller {
  return new Poller(job, interval, (state) => report(what, state));
}

document.documentElement.classList.add('live');
const folded = document.querySelector<HTMLDetailsElement>('details.host');
if (folded !== null) folded.open = matchMedia(WIDE).matches;

function startTable(section: HTMLElement): void {
  const table = new LiveTable(section, () => void rows.now());
  const rows = poll('containers', (signal) => table.renew(signal), table.rowsInterval);
  poll('troubles', (signal) => table.renewTroubles(signal), table.troublesInterval);
}

let table = document.getElementById('containers');
if (table !== null) startTable(table);

const chartsSection = document.getElementById('charts');
if (chartsSection !== null) {
  // They come when the table is there: their code is the larger part.
  void import('./charts.js').then(({ LiveCharts }) => {
    const charts = new LiveCharts(chartsSection);
    poll(
      'charts',
      (signal) => (folded?.open === false ? Promise.resolve() : charts.renew(signal)),
      () => CHARTS_MS,
    );
  });
}

poll(
  'sections',
  async (signal) => {
    await renewSections(`${location.pathname}?renew=1${table === null ? '&table=1' : ''}`, signal);
    // A container may get its first cgroups below it while it is looked at.
    if (table !== null) return;
    table = document.getElementById('containers');
    if (table !== null) startTable(table);
  },
  (took) => Math.max(SECTIONS_MS, took * SECTIONS_SHARE),
);
localTimes(document);

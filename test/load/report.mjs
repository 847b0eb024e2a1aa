// The bench's table.

/** What issue and docs promise for 1,000 cgroups; shown beside the figures, never enforced: machines differ. */
const GOALS = {
  activeRatio: '≤ 1.8',
  idleRatio: '≤ 0.8',
  backoff: '≤ 8',
  rss: '≤ 150',
  growth: '≤ 30',
  loop: '≤ 20',
  healthz: '≤ 30',
  all: '≤ 15',
  first: '≤ 1000',
};

const fixed = (value, digits = 1) => (value === undefined ? '–' : value.toFixed(digits));
const pair = ({ p50, p99 }) => `${fixed(p50)} / ${fixed(p99)}`;
const both = (load, show) => [show(load.idle), show(load.active)];

const rows = [
  ['CPU at a fixed 1 s, ms/s', '', (r) => both(r, (load) => fixed(load.cpu))],
  ['CPU of the floor, ms/s', '', (r) => both(r, (load) => fixed(load.floor))],
  [
    '… agent : floor',
    `${GOALS.idleRatio} idle, ${GOALS.activeRatio} active`,
    (r) => both(r, (load) => fixed(load.cpu / load.floor, 2)),
  ],
  ['CPU with back-off, ms/s', GOALS.backoff, (r) => [fixed(r.backoff?.cpu), '']],
  ['RSS, MiB', '', (r) => both(r, (load) => fixed(load.rss))],
  ['RSS with full history, MiB', GOALS.rss, (r) => ['', fixed(r.bulk.rssBefore)]],
  ['… growth by bulk queries, MiB', GOALS.growth, (r) => ['', fixed(r.bulk.rssAfter - r.bulk.rssBefore)]],
  ['loop delay p99, ms', GOALS.loop, (r) => both(r, (load) => fixed(load.loop.p99))],
  ['… with recursive queries, ms', '', (r) => both(r, (load) => fixed(load.loopUnderQueries.p99))],
  ['/healthz p50 / p99, ms', `p99 ${GOALS.healthz}`, (r) => both(r, (load) => pair(load.healthz))],
  ['60 samples of one, p50 / p99, ms', '', (r) => both(r, (load) => pair(load.series))],
  ['recursive=true&count=1, p50 / p99, ms', `p50 ${GOALS.all}`, (r) => both(r, (load) => pair(load.all))],
  ['… with back-off, p50 / p99, ms', '', (r) => [r.backoff ? pair(r.backoff.all) : '–', '']],
  ['start to first answer, ms', GOALS.first, (r) => [fixed(r.firstAnswer, 0), '']],
  ['start to every cgroup’s sample, ms', '', (r) => [fixed(r.allFound, 0), '']],
];

/** Prints one line per measure, two columns (idle, active) per number of cgroups; Markdown, so that docs can hold it. */
export function printTable(host, results) {
  console.log(`${host.model}, ${host.cpus} CPUs, Linux ${host.kernel}, Node ${host.node}; load before: ${host.load}\n`);
  const head = results.flatMap(({ count }) => [`${count} idle`, `${count} active`]);
  const table = [
    ['', ...head, 'to reach (1,000)'],
    ...rows.map(([name, goal, show]) => [name, ...results.flatMap(show), goal]),
  ];
  printMarkdown(table);
}

function printMarkdown(table) {
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length), 3));
  const print = (row) => console.log(`| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`);
  print(table[0]);
  print(widths.map((width) => '-'.repeat(width)));
  for (const row of table.slice(1)) print(row);
  console.log('');
}

/** Prints where the agent's time went with all cgroups active and nobody asking: functions by their own share. */
export function printProfile({ count, active }) {
  console.log(`Where the time goes, ${count} active cgroups (share of the time that is not idle):\n`);
  for (const { name, share } of active.profile) console.log(`${(share * 100).toFixed(1).padStart(5)} %  ${name}`);
  console.log('');
}

const apiRows = [
  ['v1.3 containers/<one>, p50 / p99, ms', 'p50 ≤ 3', (r) => pair(r.v13)],
  ['v2.0 stats/<one>?count=64, p50 / p99, ms', 'p50 ≤ 3', (r) => pair(r.v20)],
  ['v2.0 spec/?recursive=true, p50 / p99, ms', '', (r) => pair(r.spec)],
  ['v2.0 summary/?recursive=true, p50 / p99, ms', '', (r) => pair(r.summary)],
  ['v2.0 stats/<one>?count=1, answers/s', '≥ 2000', (r) => fixed(r.rate.perSecond, 0)],
  ['… p50 / p99, ms', '', (r) => pair(r.rate)],
  ['… loop delay p99, ms', '', (r) => fixed(r.rate.loop.p99)],
  ['… samples missed', '0', (r) => fixed(r.rate.missed, 0)],
  ['subcontainers/, MB', '', (r) => fixed(r.bulk.bytes / 1e6)],
  ['… median / best, MB/s', '≥ 250', (r) => `${fixed(r.bulk.median, 0)} / ${fixed(r.bulk.best, 0)}`],
  ['… growth, MiB', '≤ 50', (r) => fixed(r.bulk.growth)],
  ['… loop delay p99, ms', '≤ 30', (r) => fixed(r.bulk.loop.p99)],
  [
    'printing / JSON.stringify, MB/s',
    '3 times',
    (r) =>
      Object.values(r.printing)
        .map((rate) => fixed(rate, 0))
        .join(' / '),
  ],
  ['event streams: complete / read', 'all', (r) => `${r.streams.complete} / ${r.streams.readers}`],
  ['… events, never read streams', '', (r) => `${r.streams.events}, ${r.streams.deaf}`],
  ['… growth, MiB', '', (r) => fixed(r.streams.growth)],
];

/** Prints what the API bears, one line per measure. */
export function printApi(host, api) {
  const table = [
    [`API, ${api.count} active`, `Node ${host.node}`, 'to reach'],
    ...apiRows.map(([name, goal, show]) => [name, show(api), goal]),
  ];
  printMarkdown(table);
}

const ratio = (load) => (load === undefined ? '–' : fixed(load.cpu / load.floor, 2));
/** Goals for the first and for the second number of cgroups. */
const scaleRows = [
  ['start to ready, ms', ['≤ 600', ''], (r) => fixed(r.ready, 0)],
  ['idle: CPU, ms/s', ['', ''], (r) => fixed(r.idle?.cpu)],
  ['… agent : floor', ['≤ 0.5', ''], (r) => ratio(r.idle)],
  ['… RSS, MiB', ['', ''], (r) => fixed(r.idle?.rss)],
  ['active: CPU, ms/s', ['', ''], (r) => fixed(r.active?.cpu)],
  ['… agent : floor', ['≤ 1.5', '≤ 1.6'], (r) => ratio(r.active)],
  ['… RSS, MiB', ['', ''], (r) => fixed(r.active?.rss)],
  ['… RSS with full history, MiB', ['≤ 100', '≤ 350'], (r) => fixed(r.active?.fullRss)],
  ['… loop delay p99, ms', ['', '≤ 30'], (r) => fixed(r.active?.loop.p99)],
  ['… samples missed', ['', '0'], (r) => fixed(r.active?.missed, 0)],
  ['… /metrics p50 / p99, ms', ['p50 ≤ 12', 'p50 ≤ 60'], (r) => (r.active ? pair(r.active.metrics) : '–')],
  ['… recursive=true&count=1, p50 / p99, ms', ['p50 ≤ 10', ''], (r) => (r.active ? pair(r.active.all) : '–')],
  ['idle, back-off: CPU, ms/s', ['≤ 4', ''], (r) => fixed(r.backoff?.cpu)],
  ['… RSS, MiB', ['≤ 75', ''], (r) => fixed(r.backoff?.rss)],
];
const peerRows = ['idle', 'active'].flatMap((state) => [
  [`peer, ${state}: CPU, ms/s`, (r) => fixed(r[state]?.peer?.cpu)],
  ['… RSS, MiB', (r) => fixed(r[state]?.peer?.rss)],
  ['… start to every cgroup in /metrics, ms', (r) => fixed(r[state]?.peer?.ready, 0)],
  ['… /metrics p50 / p99, ms', (r) => (r[state]?.peer ? pair(r[state].peer.metrics) : '–')],
]);

/** Prints what many cgroups cost, a column and its goals for each number of them. */
export function printScale(host, results) {
  console.log(`${host.model}, ${host.cpus} CPUs, Linux ${host.kernel}, Node ${host.node}; load before: ${host.load}\n`);
  const hasPeer = results.some(({ idle, active }) => idle?.peer ?? active?.peer);
  printMarkdown([
    ['', ...results.flatMap(({ count }) => [`${count}`, 'goal'])],
    ...scaleRows.map(([name, goals, show]) => [name, ...results.flatMap((r, i) => [show(r), goals[i] ?? ''])]),
    ...(hasPeer ? peerRows : []).map(([name, show]) => [name, ...results.flatMap((r) => [show(r), ''])]),
  ]);
}

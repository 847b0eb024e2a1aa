import type { Difference } from './leaves.js';

/** @param question path and query of the request */
type Test = (difference: Difference, question: string) => boolean;

const at =
  (path: RegExp, ...kinds: Difference['kind'][]): Test =>
  (difference) =>
    path.test(difference.path) && (kinds.length === 0 || kinds.includes(difference.kind));

const status =
  (old: RegExp, current: RegExp, asked = /^/): Test =>
  (difference, question) =>
    difference.kind === 'status' && old.test(difference.old) && current.test(difference.new) && asked.test(question);

/**
 * Intended differences from cAdvisor: the first that fits explains a difference. A row is an entry of
 * docs/compatibility.md: the number of the quirk, or the first words of the paragraph.
 */
export const PURPOSES: readonly (readonly [row: string, fits: Test])[] = [
  ['quirk 5', status(/^closes/, /^200/)],
  ['quirk 2', status(/^closes/, /^400/)],
  ['quirk 3', status(/^[45]/, /^200/, /docker\/.+\/$/)],
  ['quirk 4', status(/^200/, /^404/, /subcontainers/)],
  ['Status codes', status(/^500/, /^4\d\d/)],
  ['`summary`', status(/^500/, /^200/, /summary.*recursive=true/)],
  [
    'The pages',
    ({ kind }, question) => /^\/(containers|docker|podman)/.test(question) && (kind === 'status' || kind === 'value'),
  ],
  ['More keys', ({ kind, path, old }) => path !== '' && (kind === 'extra' || old === '{}')],
  ['Zeros that nothing counts', at(/\.(network|processes)(\.|$)/, 'missing')],
  [
    'Disk counters of a container',
    at(/filesystem.*\.((reads|writes)_|sectors_|(read|write)_time|(weighted_)?io_)/, 'missing', 'value'),
  ],
  ['quirk 8', ({ path, old }) => /has_processes$/.test(path) && old === 'false'],
  ['quirk 9', at(/containter_inode_usage|\.inline\b/, 'missing')],
  ['quirk 10', at(/hugepages/)],
  ['quirk 11', at(/per_cpu_usage/)],
  ['quirk 12', at(/hierarchical_data\.pg(maj)?fault/, 'value')],
  ['quirk 13', at(/\]?\.diskio\./, 'value', 'missing')],
  ['quirk 17', at(/udp6?\.(RxQueued|TxQueued)/, 'value')],
  ['quirk 20', at(/day_usage/, 'value')],
  ['quirk 21', at(/(hour|day)_usage/, 'value')],
  ['quirk 22', at(/^topology/, 'value', 'missing', 'type')],
  ['quirk 23', ({ path }, question) => /storage/.test(question) && /labels/.test(path)],
  ['quirk 40', at(/^docker_(api_)?version$/, 'value')],
];

/** @returns the entry of docs/compatibility.md that explains the difference; undefined when none does */
export function purposeOf(difference: Difference, question: string): string | undefined {
  return PURPOSES.find(([, fits]) => fits(difference, question))?.[0];
}

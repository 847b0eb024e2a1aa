import type { Difference } from './difference.js';
import type { Question } from './questions.js';

/** An intended difference from cAdvisor. */
export interface Purpose {
  /** Entry of docs/compatibility.md: number of the quirk, or first words of the paragraph. */
  readonly row: string;
  fits(difference: Difference, question: Question): boolean;
}

type Test = (difference: Difference, question: Question) => boolean;

const at =
  (path: RegExp, ...kinds: Difference['kind'][]): Test =>
  (difference) =>
    path.test(difference.path) && (kinds.length === 0 || kinds.includes(difference.kind));

const asked =
  (target: RegExp, ...kinds: Difference['kind'][]): Test =>
  ({ kind }, question) =>
    target.test(question.target) && (kinds.length === 0 || kinds.includes(kind));

const status =
  (old: RegExp, current: RegExp): Test =>
  (difference) =>
    difference.kind === 'status' && old.test(difference.old) && current.test(difference.new);

/** The first entry that fits a difference explains it. */
export const PURPOSES: readonly Purpose[] = [
  { row: 'quirk 5', fits: status(/^closes/, /^200/) },
  { row: 'quirk 2', fits: status(/^closes/, /^400/) },
  {
    row: 'quirk 3',
    fits: (difference, question) =>
      /docker\/.+\/$/.test(question.target) && status(/^[45]/, /^200/)(difference, question),
  },
  {
    row: 'quirk 4',
    fits: (difference, question) =>
      /subcontainers/.test(question.target) && status(/^200/, /^404/)(difference, question),
  },
  { row: 'Status codes', fits: status(/^500/, /^4\d\d/) },
  {
    row: '`summary`',
    fits: (difference, question) =>
      /summary.*recursive=true/.test(question.target) && status(/^500/, /^200/)(difference, question),
  },
  { row: 'The pages', fits: asked(/^\/(containers|docker|podman)/, 'status', 'value') },
  { row: 'More keys', fits: ({ kind, path, old }) => path !== '' && (kind === 'extra' || old === '{}') },
  { row: 'Zeros that nothing counts', fits: at(/\.(network|processes)(\.|$)/, 'missing') },
  {
    row: 'Disk counters of a container',
    fits: at(/filesystem.*\.((reads|writes)_|sectors_|(read|write)_time|(weighted_)?io_)/, 'missing', 'value'),
  },
  { row: 'quirk 8', fits: ({ path, old }) => /has_processes$/.test(path) && old === 'false' },
  { row: 'quirk 9', fits: at(/containter_inode_usage|\.inline\b/, 'missing') },
  { row: 'quirk 10', fits: at(/hugepages/) },
  { row: 'quirk 11', fits: at(/per_cpu_usage/) },
  { row: 'quirk 12', fits: at(/hierarchical_data\.pg(maj)?fault/, 'value') },
  { row: 'quirk 13', fits: at(/\]?\.diskio\./, 'value', 'missing') },
  { row: 'quirk 17', fits: at(/udp6?\.(RxQueued|TxQueued)/, 'value') },
  { row: 'quirk 20', fits: at(/day_usage/, 'value') },
  { row: 'quirk 21', fits: at(/(hour|day)_usage/, 'value') },
  { row: 'quirk 22', fits: at(/^topology/, 'value', 'missing', 'type') },
  {
    row: 'quirk 23',
    fits: (difference, question) => /storage/.test(question.target) && /labels/.test(difference.path),
  },
  { row: 'quirk 40', fits: at(/^docker_(api_)?version$/, 'value') },
];

/** @returns the entry of docs/compatibility.md that explains the difference; undefined when none does */
export function purposeOf(difference: Difference, question: Question): string | undefined {
  return PURPOSES.find(({ fits }) => fits(difference, question))?.row;
}

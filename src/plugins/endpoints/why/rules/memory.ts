import type { ContainerEvent, Increase, OomVictim, Rule, RuleSubject } from '../../../../kernel/contracts/index.js';
import { finiteLimit } from '../../common/index.js';
import { at, bytesText, changeLines, durationText, label, over, percentText, rounded } from './text.js';

const NEAR = 0.9;
/** A working set that is 90 % of the limit is at least this share of the usage. */
const USAGE_SHARE = 0.85;
const MARGIN = 1.25;
/** Counters of how often usage hit a limit. */
const LIMIT_HITS = ['memory.failcnt', 'memory.events.max', 'memory.events.high'];
const REFAULTS = ['memory.workingset_refault_file', 'memory.workingset_refault_anon'];
const MAJOR_FAULTS = 'memory.hierarchical.pgmajfault';
const PRESSURE = 'pressure.memory.some.total';
const MIN_REFAULTS_PER_S = 100;
const MIN_MAJOR_FAULTS_PER_S = 20;
const MIN_PRESSURE = 0.05;

/** The container’s own memory limit in bytes; `undefined` without one. */
export function memoryLimitOf({ container }: RuleSubject): number | undefined {
  return finiteLimit(container?.memoryLimit());
}

function raised(subject: RuleSubject, limit: number) {
  return changeLines(subject, { memory: Math.ceil(limit * MARGIN) });
}

export const memoryReclaim: Rule = {
  id: 'memory-reclaim',
  title: 'memory reclaimed at its limit',
  scope: 'containers',
  needs: [{ anyOf: LIMIT_HITS, sources: ['memory'] }],
  precondition: { anyAboveZero: [...REFAULTS, MAJOR_FAULTS, PRESSURE] },
  help:
    'Usage hit the limit (`memory.failcnt`, `memory.events: max` or `high`) in the last minute, or is 90 % of it, and what ' +
    'the kernel took away was needed again: 100 refaults or 20 major faults a second, or tasks waited for memory for ' +
    '5 % of the time (PSI). A container that only fills its limit with page cache that it reads once is not found. ' +
    '(On cgroup v1 nothing is counted in `memory.failcnt` where memory and swap together have the same limit.)',
  judge(subject) {
    const hits = hitsOf(subject);
    const span = hits ?? subject.increase(MAJOR_FAULTS);
    if (span === undefined) return undefined;
    const { seconds } = span;
    const rate = (field: string) => (subject.increase(field)?.by ?? 0) / seconds;
    const refaults = REFAULTS.reduce((sum, field) => sum + rate(field), 0);
    const majorFaults = rate(MAJOR_FAULTS);
    const pressure = rate(PRESSURE) / 1e6;
    const isThrashing =
      refaults >= MIN_REFAULTS_PER_S || majorFaults >= MIN_MAJOR_FAULTS_PER_S || pressure >= MIN_PRESSURE;
    if (!isThrashing) return undefined;
    const limit = memoryLimitOf(subject);
    const usage = subject.latest('memory.usage');
    if (hits === undefined && !(limit !== undefined && usage >= NEAR * limit)) return undefined;
    const working = subject.latest('memory.working_set');
    const waiting = `tasks waited for memory for ${percentText(pressure)} of the time`;
    const severity = Math.max(pressure, Math.min(1, refaults / 10_000), Math.min(1, majorFaults / 1000));
    return {
      harm: 55 + 35 * Math.min(1, severity),
      what: `too little memory${limit === undefined ? '' : ` with a limit of ${bytesText(limit)}`}: what is reclaimed is needed again`,
      meaning: 'It spends its time on getting back memory instead of on its work, and may be killed next.',
      evidence: [
        hits === undefined
          ? at(span.end, `usage ${bytesText(usage)} of ${bytesText(limit!)}`, {
              usage_bytes: usage,
              limit_bytes: limit!,
            })
          : over(hits, `usage hit the limit ${hits.by} times in ${durationText(seconds)}`, { limit_hits: hits.by }),
        over(span, `${rounded(refaults)} refaults and ${rounded(majorFaults)} major faults a second`, {
          refaults_per_second: refaults,
          major_faults_per_second: majorFaults,
        }),
        ...(pressure > 0 ? [over(span, waiting, { waiting_share: pressure })] : []),
        at(span.end, `working set ${bytesText(working)}`, { working_set_bytes: working }),
      ],
      mend: limit === undefined ? 'Raise memory.high, or use less memory.' : 'Raise the memory limit, or use less.',
      lines: limit === undefined ? [] : raised(subject, limit),
    };
  },
};

function hitsOf(subject: RuleSubject) {
  let most: Increase | undefined;
  for (const field of LIMIT_HITS) {
    const increase = subject.increase(field);
    if (increase !== undefined && increase.by > (most?.by ?? 0)) most = increase;
  }
  return most;
}

export const memoryNearLimit: Rule = {
  id: 'memory-near-limit',
  title: 'working set against the memory limit',
  scope: 'containers',
  needs: [{ anyOf: ['memory.working_set'], sources: ['memory'] }],
  help:
    'The working set (usage without page cache that was not used lately) is 90 % of the memory limit or more. ' +
    'Page cache does not count: it is given back when memory is needed.',
  judge(subject) {
    const working = subject.latest('memory.working_set');
    // Usage cannot exceed the limit by more than a little: this saves reading the limit of most containers with cache.
    if (!(working > 0) || working < USAGE_SHARE * subject.latest('memory.usage')) return undefined;
    const limit = memoryLimitOf(subject);
    if (limit === undefined || working < NEAR * limit) return undefined;
    const share = working / limit;
    return {
      harm: 40 + 25 * Math.min(1, (share - NEAR) / (1 - NEAR)),
      what: `near its memory limit of ${bytesText(limit)}`,
      meaning: 'A little more, and the kernel kills one of its processes.',
      evidence: [
        at(subject.now, `working set ${bytesText(working)} of ${bytesText(limit)} (${percentText(share)})`, {
          working_set_bytes: working,
          limit_bytes: limit,
        }),
      ],
      mend: 'Raise the memory limit, or use less.',
      lines: raised(subject, limit),
    };
  },
};

export const oomKilled: Rule = {
  id: 'oom-killed',
  title: 'killed for lack of memory',
  scope: 'containers',
  precondition: { incident: true },
  help:
    'The kernel killed a process of the container, or one below it at the container’s limit, in the last hour; or its ' +
    'engine says that it ended that way. The process and the limit are named where the kernel log can be read ' +
    '(docs/privileges.md).',
  judge(subject) {
    const { state } = subject.description;
    const events = subject.events.filter(({ type }) => type === 'oom' || type === 'oomKill');
    if (events.length === 0 && state.oomKilled !== true) return undefined;
    const kills = events.filter(({ type }) => type === 'oom');
    const limitHits = events.filter(({ type }) => type === 'oomKill');
    const count = Math.max(kills.length, limitHits.length, 1);
    const isOnlyLimit = kills.length === 0 && limitHits.length > 0;
    const { text, owner, limit } = causeOf(subject, (isOnlyLimit ? limitHits : kills).at(-1)?.oom);
    return {
      harm: 92 + Math.min(6, count),
      what: isOnlyLimit
        ? 'its memory limit made the kernel kill a process below it'
        : `killed for lack of memory${text}`,
      meaning: 'A process ended in the middle of its work.',
      evidence: evidenceOf(subject, kills.length > 0 ? kills : limitHits, count),
      mend: 'Raise the memory limit, or find what grew.',
      lines: limit === undefined ? [] : raised(owner, limit),
    };
  },
};

function evidenceOf(subject: RuleSubject, events: readonly ContainerEvent[], count: number) {
  const newest = events.at(-1);
  if (newest === undefined) {
    const time = subject.description.state.finishedAt ?? subject.now;
    return [at(time, 'its engine says that it was killed for lack of memory', { oom_kills: 1 })];
  }
  const { oom } = newest;
  const times = `${count} ${count === 1 ? 'kill' : 'kills'} in the last hour, the last ${durationText(
    Math.max(0, subject.now - newest.time) / 1e6,
  )} ago`;
  const who = oom === undefined ? '' : `: process ${oom.processName} (pid ${oom.pid})`;
  return [{ text: `${times}${who}`, values: { oom_kills: count }, start: events[0]!.time, end: newest.time }];
}

/** Whose limit it was, as far as that is known: the container's own, or that of a cgroup above it. */
function causeOf(subject: RuleSubject, victim: OomVictim | undefined) {
  if (victim?.constraint === 'CONSTRAINT_NONE')
    return { text: ': the machine had none left', owner: subject, limit: undefined };
  const hitIts = ({ events }: RuleSubject) =>
    events.some(({ type, oom }) => type === 'oomKill' && oom?.pid === victim?.pid);
  const isAbove = ({ name }: RuleSubject) => name !== subject.name && subject.name.startsWith(`${name}/`);
  const above = hitIts(subject) ? undefined : subject.all.filter(isAbove).findLast(hitIts);
  const owner = above ?? subject;
  // A limit that was raised since is the one to go on from; that of a container that ended can be read in the log only.
  const limit = memoryLimitOf(owner) ?? (above !== undefined || hitIts(subject) ? victim?.limit : undefined);
  const hit = victim?.limit ?? limit;
  const size = hit === undefined ? '' : ` of ${bytesText(hit)}`;
  if (above !== undefined) return { text: ` at the limit${size} of ${label(above)}`, owner, limit };
  return { text: hit === undefined ? '' : ` at its limit${size}`, owner, limit };
}

import type { Rule, RuleSubject } from '../../../../kernel/contracts/index.js';
import { coresLimit } from '../../common/index.js';
import { changeLines, cpuUseOf, label, leaves, oncePerQuestion, over, percentText, rounded } from './text.js';

const MIN_PERIODS = 10;
const MIN_THROTTLED_SHARE = 0.1;
const MIN_WAITING_SHARE = 0.2;
const MIN_BUSY = 0.7;
/** Headroom above what was wanted. */
const MARGIN = 1.2;
const MAX_NAMED = 3;
const USAGE = 'cpu.usage.total';
const WAITING = ['pressure.cpu.some.total', 'cpu.schedstat.runqueue_time'];

export const cpuThrottled: Rule = {
  id: 'cpu-throttled',
  title: 'CPU quota',
  scope: 'containers',
  needs: [{ anyOf: ['cpu.cfs.throttled_periods'], sources: ['cpu'] }],
  precondition: { anyAboveZero: ['cpu.cfs.throttled_periods'] },
  help:
    'The container used up its CPU quota in 10 % or more of the periods of the last minute in which it wanted to run (10 ' +
    'periods or more), and stood still until the next period. The suggested quota is what it used and waited for, ' +
    'and 20 % more. A quota of a parent cgroup is found at the parent.',
  judge(subject) {
    const throttled = subject.increase('cpu.cfs.throttled_periods');
    if (throttled === undefined || throttled.by === 0) return undefined;
    const periods = subject.increase('cpu.cfs.periods')?.by ?? 0;
    const share = throttled.by / periods;
    if (periods < MIN_PERIODS || share < MIN_THROTTLED_SHARE) return undefined;
    const waited = (subject.increase('cpu.cfs.throttled_time')?.by ?? 0) / 1e9;
    const limits = subject.container?.limits();
    const limit = (limits && coresLimit(limits)) ?? Number.NaN;
    // Without the controller cpuacct nothing counts the use: it is what the quota allowed.
    const used = (subject.increase(USAGE)?.by ?? limit * throttled.seconds * 1e9) / 1e9;
    const wanted = ((used + waited) / throttled.seconds) * MARGIN;
    const machine = subject.agent.host.machine().num_cores;
    const cpus = Math.min(machine, Math.max(Math.ceil(wanted * 10) / 10, limit > 0 ? Math.ceil(limit * 11) / 10 : 0));
    const isFull = limit >= machine;
    return {
      harm: 35 + 50 * Math.min(1, share),
      what: `throttled by its CPU quota${Number.isNaN(limit) ? '' : ` of ${rounded(limit)} CPUs`}`,
      meaning: 'It stood still although CPUs may have been free, so that whatever it does takes longer.',
      evidence: [
        over(throttled, `throttled in ${throttled.by} of ${periods} periods (${percentText(share)})`, {
          throttled_periods: throttled.by,
          periods,
        }),
        over(throttled, `waited for ${rounded(waited)} s of CPU time, used ${rounded(used)} s`, {
          throttled_seconds: waited,
          used_seconds: used,
        }),
      ],
      mend: isFull ? 'The quota is already the whole machine: it needs a larger one.' : 'Raise the CPU quota.',
      lines: isFull ? [] : changeLines(subject, { cpus }),
    };
  },
};

export const cpuWaiting: Rule = {
  id: 'cpu-waiting',
  title: 'waiting for CPUs that others use',
  scope: 'both',
  needs: [{ anyOf: WAITING, sources: ['pressure', 'sched'] }],
  precondition: { anyAboveZero: WAITING, host: (host) => busyCpusOf(host) !== undefined },
  help:
    'In 20 % or more of the last minute a task of the container was ready to run and had no CPU (PSI), or its main ' +
    'threads waited in run queues for that share of the time (source `sched`), while the machine was busy to 70 % or ' +
    'more. Time in which a quota held it back is not counted.',
  judge(subject) {
    const { host } = subject;
    const machineUse = host && busyCpusOf(host);
    if (machineUse === undefined) return undefined;
    const waiting = waitingShare(subject);
    if (waiting === undefined || waiting.share < MIN_WAITING_SHARE) return undefined;
    const { usage, busy, machine } = machineUse;
    const others = topUsersBeside(subject);
    return {
      harm: 30 + 45 * Math.min(1, waiting.share),
      what: subject.isHost ? 'tasks wait for a CPU' : 'waits for CPUs that others use',
      meaning: 'There is more work than CPUs, so that whatever it does takes longer.',
      evidence: [
        over(waiting, `${waiting.text} (${percentText(waiting.share)})`, { waiting_share: waiting.share }),
        over(usage, `the machine’s ${machine} CPUs were busy to ${percentText(busy)}`, { busy_share: busy }),
        ...others.map(({ user, cpus }) => over(usage, `${label(user)} used ${rounded(cpus)} CPUs`, { cpus })),
      ],
      mend: 'Limit the container that uses the most, or give this one a larger share.',
      lines: others
        .slice(0, 1)
        .flatMap(({ user, cpus }) => changeLines(user, { cpus: Math.max(0.1, Math.round(cpus * 5) / 10) })),
    };
  },
};

/** How busy the machine’s CPUs are; `undefined` when they are not. */
function busyCpusOf(host: RuleSubject) {
  const use = cpuUseOf(host);
  return use === undefined || use.busy < MIN_BUSY ? undefined : use;
}

/** The share of time in which it waited for a CPU, without what its quota caused. */
function waitingShare(subject: RuleSubject) {
  const pressure = subject.increase('pressure.cpu.some.total');
  if (pressure !== undefined) {
    if (pressure.by / 1e6 / pressure.seconds < MIN_WAITING_SHARE) return undefined;
    const throttled = (subject.increase('cpu.cfs.throttled_time')?.by ?? 0) / 1000;
    const waited = Math.max(0, pressure.by - throttled) / 1e6;
    return {
      ...pressure,
      share: waited / pressure.seconds,
      text: `a task waited for a CPU for ${rounded(waited)} of ${rounded(pressure.seconds)} s`,
    };
  }
  const queue = subject.increase('cpu.schedstat.runqueue_time');
  if (queue === undefined) return undefined;
  const waited = queue.by / 1e9;
  const text = `main threads waited in run queues for ${rounded(waited)} s in ${rounded(queue.seconds)} s`;
  return { ...queue, share: waited / queue.seconds, text };
}

/** Containers without containers below them that used CPU, the most first. */
const usersOf = oncePerQuestion((host) =>
  leaves(host)
    .map((user) => {
      const usage = user.increase(USAGE);
      return { user, cpus: usage === undefined ? 0 : usage.by / 1e9 / usage.seconds };
    })
    .filter(({ cpus }) => cpus >= 0.05)
    .sort((a, b) => b.cpus - a.cpus || (a.user.name < b.user.name ? -1 : 1)),
);

function topUsersBeside({ name, host }: RuleSubject) {
  const top = host === undefined ? [] : usersOf(host).slice(0, MAX_NAMED + 1);
  return top.filter(({ user }) => user.name !== name).slice(0, MAX_NAMED);
}

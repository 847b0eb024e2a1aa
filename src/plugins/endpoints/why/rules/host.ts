import type { LimitChange, Rule, RuleSubject } from '../../../../kernel/contracts/index.js';
import { memoryLimitOf } from './memory.js';
import {
  at,
  bytesText,
  changeLines,
  cpuUseOf,
  durationText,
  oncePerQuestion,
  over,
  percentText,
  rounded,
} from './text.js';

const CROWDED = 0.85;
const BUSY = 0.9;
const MIN_MEMORY_SHARE = 0.1;
const MIN_CPU_SHARE = 0.25;
const MARGIN = 1.25;
const USAGE = 'cpu.usage.total';
const MIN_MISSED = 10;
const MIN_MISSED_SHARE = 0.01;
/** An idle container is sampled every 60 s at least. */
const STALE_US = 90_000_000;

export const noLimit: Rule = {
  id: 'no-limit',
  title: 'limits on a crowded host',
  scope: 'containers',
  needs: [
    { anyOf: ['memory.working_set'], sources: ['memory'] },
    { anyOf: [USAGE], sources: ['cpu'] },
  ],
  precondition: { host: isCrowded },
  help:
    'The machine has 85 % or more of its memory in working sets, and the container uses 10 % of the machine without any ' +
    'memory limit, its own or of a cgroup above it; or the CPUs were busy to 90 % in the last minute, and it used a ' +
    'quarter of them without a quota.',
  judge(subject) {
    const { host } = subject;
    if (host === undefined) return undefined;
    const { memoryShare, cpu: cpuUse } = crowdingOf(host);
    const memory = memoryShare >= CROWDED ? memoryWithoutLimit(subject, host, memoryShare) : undefined;
    const cpu = cpuUse === undefined ? undefined : cpuWithoutLimit(subject, host, cpuUse);
    if ((memory === undefined && cpu === undefined) || isAbove(subject)) return undefined;
    const change: LimitChange = {
      ...(memory && { memory: memory.working * MARGIN }),
      ...(cpu && { cpus: Math.ceil(cpu.used * 10) / 10 }),
    };
    const kinds = [...(memory ? ['memory'] : []), ...(cpu ? ['CPU'] : [])].join(' or ');
    return {
      harm: Math.max(memory?.harm ?? 0, cpu?.harm ?? 0),
      what: `no ${kinds} limit on a crowded host`,
      meaning: 'When it wants more, the others lose: memory for all runs out, or they wait for CPUs.',
      evidence: [...(memory?.evidence ?? []), ...(cpu?.evidence ?? [])],
      mend: 'Give it a limit; `tallyman advise` says which.',
      lines: changeLines(subject, change),
    };
  },
};

/** Whether it is a parent of containers: limits belong to those. */
function isAbove({ container }: RuleSubject): boolean {
  return container!.children().length > 0;
}

/** How much of the machine is in use; `cpu` only when its CPUs are busy. */
const crowdingOf = oncePerQuestion((host) => {
  const machine = host.agent.host.machine();
  const cpu = cpuUseOf(host);
  return {
    memoryShare: host.latest('memory.working_set') / machine.memory_capacity,
    cpu: cpu !== undefined && cpu.busy >= BUSY ? cpu : undefined,
  };
});

function isCrowded(host: RuleSubject): boolean {
  const { memoryShare, cpu } = crowdingOf(host);
  return memoryShare >= CROWDED || cpu !== undefined;
}

function memoryWithoutLimit(subject: RuleSubject, host: RuleSubject, machineShare: number) {
  const working = subject.latest('memory.working_set');
  const share = working / subject.agent.host.machine().memory_capacity;
  if (!(share >= MIN_MEMORY_SHARE) || hasLimitAbove(subject, host, memoryLimitOf)) return undefined;
  return {
    working,
    harm: 35 + 30 * Math.min(1, share),
    evidence: [
      at(subject.now, `working set ${bytesText(working)}, ${percentText(share)} of the machine, and no limit`, {
        working_set_bytes: working,
      }),
      at(subject.now, `${percentText(machineShare)} of the machine’s memory is in use`, {
        machine_share: machineShare,
      }),
    ],
  };
}

function cpuWithoutLimit(
  subject: RuleSubject,
  host: RuleSubject,
  { usage, busy }: NonNullable<ReturnType<typeof crowdingOf>['cpu']>,
) {
  const machine = subject.agent.host.machine().num_cores;
  const own = subject.increase(USAGE);
  if (own === undefined) return undefined;
  const used = own.by / 1e9 / own.seconds;
  if (
    used / machine < MIN_CPU_SHARE ||
    hasLimitAbove(subject, host, ({ container }) => container?.limits().cpu.quota)
  ) {
    return undefined;
  }
  return {
    used,
    harm: 30 + 15 * Math.min(1, used / machine),
    evidence: [
      over(own, `used ${rounded(used)} of ${machine} CPUs, and has no quota`, { cpus: used }),
      over(usage, `the machine’s CPUs were busy to ${percentText(busy)}`, { busy_share: busy }),
    ],
  };
}

const byName = oncePerQuestion((host) => new Map(host.all.map((one) => [one.name, one])));

/** Whether the container or a cgroup above it has a limit. */
function hasLimitAbove(subject: RuleSubject, host: RuleSubject, limitOf: (one: RuleSubject) => unknown): boolean {
  const subjects = byName(host);
  for (let { name } = subject; name !== ''; name = name.slice(0, name.lastIndexOf('/'))) {
    const one = subjects.get(name);
    if (one !== undefined && limitOf(one) !== undefined) return true;
  }
  return false;
}

export const agentSampling: Rule = {
  id: 'agent-sampling',
  title: 'the agent’s own clock and sampling',
  scope: 'host',
  help:
    'The agent missed 1 % or more of its samples since it started (10 or more), its newest sample of the machine is older ' +
    'than 90 seconds, or the clock was set back behind it. What the other rules see is then less exact.',
  judge(subject) {
    const { startedAt, samples } = subject.agent.self();
    const { taken, missed } = samples;
    const share = missed / Math.max(1, taken + missed);
    const newest = subject.host?.latestTime ?? subject.now;
    const evidence = [];
    if (missed >= MIN_MISSED && share >= MIN_MISSED_SHARE) {
      const text = `${missed} of ${taken + missed} samples were not taken in time (${percentText(share)})`;
      evidence.push({ text, values: { missed, taken }, start: startedAt, end: subject.now });
    }
    if (newest > 0 && subject.now - newest > STALE_US) {
      const age = (subject.now - newest) / 1e6;
      evidence.push(at(newest, `the newest sample of the machine is ${durationText(age)} old`, { age_seconds: age }));
    }
    if (newest - subject.now > 1_000_000) {
      const ahead = (newest - subject.now) / 1e6;
      evidence.push(
        at(newest, `the clock is ${durationText(ahead)} behind the newest sample`, { ahead_seconds: ahead }),
      );
    }
    if (evidence.length === 0) return undefined;
    return {
      harm: 40,
      what: 'the agent does not sample in time',
      meaning: 'Rates and peaks are less exact than they should be, and short trouble is not seen.',
      evidence,
      mend: 'The host has too little CPU for it: raise housekeeping.interval, or the CPUWeight of tallyman.service.',
      lines: [{ tool: 'systemd', line: 'systemctl set-property tallyman.service CPUWeight=500' }],
    };
  },
};

export const agentPlugins: Rule = {
  id: 'agent-plugins',
  title: 'the agent’s plugins',
  scope: 'host',
  help: 'A plugin of the agent does not run: it failed, is paused after faults, or is tried again.',
  judge(subject) {
    const down = subject.agent.plugins().filter(({ state }) => ['open', 'failed', 'retrying'].includes(state));
    if (down.length === 0) return undefined;
    return {
      harm: 42,
      what: `plugins that do not run: ${down.map(({ id }) => id).join(', ')}`,
      meaning: 'What they measure or name is missing from every answer.',
      evidence: down.map(({ id, state, errors, lastError, lastErrorAt }) =>
        at(lastErrorAt ?? subject.now, `${id} (${state}): ${lastError ?? 'no error'}`, { errors }),
      ),
      mend: 'The log says more; `tallyman doctor` may have the line that mends it.',
      lines: [{ tool: 'shell', line: 'tallyman doctor' }],
    };
  },
};

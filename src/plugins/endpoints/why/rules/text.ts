import {
  type Evidence,
  type Increase,
  type LimitChange,
  limitLines,
  type MendLine,
  type RuleSubject,
} from '../../../../kernel/contracts/index.js';

const BYTE_UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `1.5 GiB` */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < BYTE_UNITS.length - 1; unit++) value /= 1024;
  return `${rounded(value)} ${BYTE_UNITS[unit]}`;
}

/** `37 %` @param share 0 … 1 */
export function percentText(share: number): string {
  return `${rounded(share * 100)} %`;
}

/** `45 s`, `12 min`, `3.5 h`, `2 days` */
export function durationText(seconds: number): string {
  if (seconds < 120) return `${rounded(seconds)} s`;
  if (seconds < 7200) return `${rounded(seconds / 60)} min`;
  return seconds < 172_800 ? `${rounded(seconds / 3600)} h` : `${rounded(seconds / 86_400)} days`;
}

/** Three digits at most, without trailing zeros. */
export function rounded(value: number): string {
  return String(Number(value.toPrecision(Math.max(3, Math.trunc(Math.abs(value)).toString().length))));
}

export function over(
  { start, end }: Pick<Increase, 'start' | 'end'>,
  text: string,
  values: Evidence['values'],
): Evidence {
  return { text, values, start, end };
}

/** Evidence of one instant, µs since the epoch. */
export function at(time: number, text: string, values: Evidence['values']): Evidence {
  return { text, values, start: time, end: time };
}

/** What is derived from the machine: once for all containers of a question. */
export function oncePerQuestion<T>(derive: (host: RuleSubject) => T): (host: RuleSubject) => T {
  const known = new WeakMap<RuleSubject, T>();
  return (host) => {
    let derived = known.get(host);
    if (derived === undefined) {
      derived = derive(host);
      known.set(host, derived);
    }
    return derived;
  };
}

/** What people call a container. */
export function label({ name, description }: Pick<RuleSubject, 'name' | 'description'>): string {
  return description.aliases[0] ?? name;
}

export function changeLines(subject: RuleSubject, change: LimitChange): MendLine[] {
  return limitLines(subject, change, subject.container?.limits().cgroupVersion);
}

/** The CPU time that the machine used, and the share of its CPUs that was. */
export const cpuUseOf = oncePerQuestion((host) => {
  const machine = host.agent.host.machine().num_cores;
  const usage = host.increase('cpu.usage.total');
  return usage && { usage, busy: usage.by / 1e9 / usage.seconds / machine, machine };
});

export const leaves = oncePerQuestion((host): readonly RuleSubject[] => {
  const parents = new Set<string>();
  for (const { name } of host.all) {
    for (let end = name.lastIndexOf('/'); end > 0; end = name.lastIndexOf('/', end - 1))
      parents.add(name.slice(0, end));
  }
  return host.all.filter(({ isHost, name }) => !isHost && !parents.has(name));
});

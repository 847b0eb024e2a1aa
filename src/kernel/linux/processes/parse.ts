/** The used fields of `/proc/<pid>/stat`. Times are in clock ticks since boot or of CPU. */
export interface ProcessStat {
  readonly comm: string;
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  readonly foregroundGroup: number;
  readonly cpuTicks: number;
  readonly nice: number;
  readonly threads: number;
  readonly startTicks: number;
  readonly processor: number;
}

/**
 * Parses `/proc/<pid>/stat`. The command name may contain spaces and parentheses, so it ends at the last `)`.
 * @returns undefined when malformed
 */
export function parseStat(text: string): ProcessStat | undefined {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  const fields = text
    .slice(close + 2)
    .trimEnd()
    .split(' ');
  if (open < 0 || close < open || fields.length < 20) return undefined;
  const number = (field: number) => Number(fields[field - 3] ?? 0);
  const stat = {
    comm: text.slice(open + 1, close),
    state: fields[0]!,
    parent: number(4),
    group: number(5),
    session: number(6),
    foregroundGroup: number(8),
    cpuTicks: number(14) + number(15),
    nice: number(19),
    threads: number(20),
    startTicks: number(22),
    processor: number(39),
  };
  return Object.values(stat).some(Number.isNaN) ? undefined : stat;
}

/** The used fields of `/proc/<pid>/status`. */
export interface ProcessStatus {
  /** Effective user ID. */
  readonly user: number;
  /** KiB */
  readonly virtualSize: number;
  readonly resident: number;
  readonly locked: number;
}

/** Parses `/proc/<pid>/status`. Kernel threads have no memory lines; their sizes are 0. */
export function parseStatus(text: string): ProcessStatus {
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0);
  return {
    user: Number(/^Uid:\s+\d+\s+(\d+)/m.exec(text)?.[1] ?? 0),
    virtualSize: kib('VmSize'),
    resident: kib('VmRSS'),
    locked: kib('VmLck'),
  };
}

/**
 * The container of a process from `/proc/<pid>/cgroup`: its path in the hierarchy of memory, else of cpu, else in the
 * unified one; `/` when there is none.
 */
export function parseCgroupPath(text: string): string {
  const found: { memory?: string; cpu?: string; unified?: string } = {};
  for (const line of text.split('\n')) {
    const match = /^(\d+):([^:]*):(\/.*)$/.exec(line);
    if (match === null) continue;
    const path = match[3]!.replace(/ \(deleted\)$/, '');
    const controllers = match[2]!.split(',');
    if (controllers.includes('memory')) found.memory = path;
    if (controllers.includes('cpu')) found.cpu = path;
    if (match[1] === '0' && match[2] === '') found.unified = path;
  }
  return found.memory ?? found.cpu ?? found.unified ?? '/';
}

/** User names by ID from `/etc/passwd`; the first line of an ID is used. */
export function parsePasswd(text: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of text.split('\n')) {
    const [name, , id] = line.split(':');
    if (name === undefined || name === '' || id === undefined || !/^\d+$/.test(id)) continue;
    if (!names.has(Number(id))) names.set(Number(id), name);
  }
  return names;
}

import type { ProcessStat } from './parse.js';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The STIME column of ps in local time: the time if today, the date if this year, else the year. */
export function startTime(startedMs: number, nowMs: number): string {
  const started = new Date(startedMs);
  const now = new Date(nowMs);
  if (started.getFullYear() !== now.getFullYear()) return String(started.getFullYear());
  if (started.getMonth() !== now.getMonth() || started.getDate() !== now.getDate()) {
    return `${MONTHS[started.getMonth()]}${twoDigits(started.getDate())}`;
  }
  return `${twoDigits(started.getHours())}:${twoDigits(started.getMinutes())}`;
}

/** The TIME column: CPU time as `[days-]hours:minutes:seconds`. */
export function cpuTime(seconds: number): string {
  const whole = Math.floor(seconds);
  const days = Math.floor(whole / 86_400);
  const time = [Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60, whole % 60].map(twoDigits).join(':');
  return days === 0 ? time : `${days}-${time}`;
}

/** The %CPU column: CPU time relative to the process's age, truncated to tenths below 100 %, else to whole percent. */
export function percentCpu(cpuSeconds: number, ageSeconds: number): number {
  if (ageSeconds <= 0) return 0;
  const tenths = Math.floor((cpuSeconds * 1000) / ageSeconds);
  return tenths > 999 ? Math.floor(tenths / 10) : tenths / 10;
}

/** The %MEM column: resident memory relative to the machine's, truncated to tenths, at most 99.9. */
export function percentMemory(residentKib: number, machineKib: number): number {
  if (machineKib <= 0) return 0;
  return Math.min(999, Math.floor((residentKib * 1000) / machineKib)) / 10;
}

/** The STAT column: the state with the flags of ps. */
export function stateFlags(pid: number, stat: ProcessStat, lockedKib: number): string {
  let flags = stat.state;
  if (stat.nice < 0) flags += '<';
  if (stat.nice > 0) flags += 'N';
  if (lockedKib > 0) flags += 'L';
  if (stat.session === pid) flags += 's';
  if (stat.threads > 1) flags += 'l';
  if (stat.group === stat.foregroundGroup) flags += '+';
  return flags;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

/** A time in µs since the epoch; `floor` and `ceiling` differ when it was given with more digits. */
export interface ParsedTime {
  readonly floor: number;
  readonly ceiling: number;
  /** True for the zero time (`0001-01-01T00:00:00Z`), which means "not set". */
  readonly zero: boolean;
}

/** `0001-01-01T00:00:00Z` in µs. */
const ZERO = -62_135_596_800_000_000;
const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:Z|([+-])(\d{2}):(\d{2}))$/;

/** Parses an RFC 3339 time; undefined when invalid. */
export function parseTime(text: string): ParsedTime | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const [offsetHours, offsetMinutes] = [Number(match[9] ?? 0), Number(match[10] ?? 0)];
  if (hour > 23 || minute > 59 || second > 59 || offsetHours > 23 || offsetMinutes > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  date.setUTCHours(hour, minute, second);
  const offset = (offsetHours * 60 + offsetMinutes) * (match[8] === '-' ? -1 : 1);
  const fraction = (match[7] ?? '').padEnd(6, '0');
  const floor = (date.getTime() - offset * 60_000) * 1000 + Number(fraction.slice(0, 6));
  const ceiling = /[1-9]/.test(fraction.slice(6)) ? floor + 1 : floor;
  return { floor, ceiling, zero: floor === ZERO };
}

const RFC3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/;

/** The value as an object, an empty one for anything else: engines leave fields out or set them to null. */
export function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The value when it is a text, else an empty one. */
export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The value when it is a finite number, else undefined. */
export function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/**
 * Microseconds since the epoch of an RFC 3339 time with any number of fraction digits.
 * @returns undefined for anything else and for the engines' "never" (`0001-01-01T00:00:00Z`)
 */
export function time(value: unknown): number | undefined {
  const match = RFC3339.exec(text(value));
  if (match === null) return undefined;
  const milliseconds = Date.parse(`${match[1]}${match[3]}`);
  if (!(milliseconds > 0)) return undefined;
  return milliseconds * 1000 + Number((match[2] ?? '').slice(0, 6).padEnd(6, '0'));
}

/** Nanoseconds beyond the microseconds of `time`, 0 … 999; undefined where it is. */
export function extraNs(value: unknown): number | undefined {
  if (time(value) === undefined) return undefined;
  return Number((RFC3339.exec(text(value))?.[2] ?? '').slice(6, 9).padEnd(3, '0'));
}

/** `T` whose optional members may be undefined. */
export type Loose<T> = { [K in keyof T]: undefined extends T[K] ? T[K] | undefined : T[K] };

/** The members that are not undefined. */
export function present<T extends object>(members: NoInfer<Loose<T>>): T {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T;
}

/** The entries of an object whose values are texts. */
export function texts(value: unknown): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [key, entry] of Object.entries(record(value))) if (typeof entry === 'string') result[key] = entry;
  return result;
}

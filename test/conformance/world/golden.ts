import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Json, JsonObject } from './recorded-samples.js';

/** Where the recordings of v0.36.0 and of v0.60.5 are. */
export type Recordings = 'golden' | 'golden-0.60';

/** Text of a recording. */
export function goldenText(file: string, directory: Recordings = 'golden'): string {
  return readFileSync(join(process.cwd(), 'test', directory, file), 'utf8');
}

/** A recording as values. */
export function golden(file: string, directory?: Recordings): Json {
  return parseExact(goldenText(file, directory));
}

/** A recorded object. */
export function goldenObject(file: string, directory?: Recordings): JsonObject {
  return golden(file, directory) as JsonObject;
}

/** JSON.parse with integers of 16 digits and more as BigInt. */
export function parseExact(json: string): Json {
  const marked = json.replace(
    /("(?:\\.|[^"\\])*")|(-?\d{16,})(?![\d.eE])/g,
    (_all, string?: string, digits?: string) => (digits === undefined ? string! : `"\\u0001${digits}"`),
  );
  return JSON.parse(marked, (_key, value: Json) =>
    typeof value === 'string' && value.startsWith('\u0001') ? BigInt(value.slice(1)) : value,
  );
}

/** What may differ from a recording, by the path of the object or value (`/spec/cpu`, list indexes left out). */
export interface Allowance {
  /** Where: a pattern for the path. */
  readonly at: RegExp;
  /** In which recordings; all when absent. */
  readonly only?: RegExp;
  /** Keys that may be there in addition. */
  readonly extra?: readonly string[];
  /** Recorded keys that may be absent. */
  readonly missing?: readonly string[];
  /** Whether the value itself may differ. */
  readonly value?: true;
  readonly why: string;
}

/** Every way in which an answer differs from its recording beyond what is allowed. Empty when it conforms. */
export function differences(recorded: Json, answered: Json, allowances: readonly Allowance[], path = ''): string[] {
  const allowed = allowances.filter(({ at }) => at.test(path));
  if (allowed.some(({ value }) => value)) return [];
  if (Array.isArray(recorded) && Array.isArray(answered)) {
    if (recorded.length !== answered.length) return [`${path}: ${answered.length} elements, not ${recorded.length}`];
    return recorded.flatMap((element, index) => differences(element, answered[index]!, allowances, path));
  }
  if (isObject(recorded) && isObject(answered)) {
    const extra = allowed.flatMap((allowance) => allowance.extra ?? []);
    const keys = Object.keys(answered).filter((key) => key in recorded || !extra.includes(key));
    const missing = allowed.flatMap((allowance) => allowance.missing ?? []);
    const expected = Object.keys(recorded).filter((key) => key in answered || !missing.includes(key));
    if (keys.join() !== expected.join()) return [`${path}: keys ${keys.join()}, not ${expected.join()}`];
    return expected.flatMap((key) => differences(recorded[key]!, answered[key]!, allowances, `${path}/${key}`));
  }
  return same(recorded, answered, path) ? [] : [`${path}: ${String(answered)}, not ${String(recorded)}`];
}

function same(recorded: Json, answered: Json, path: string): boolean {
  if (recorded === answered) return true;
  if (typeof recorded === 'string' && typeof answered === 'string' && /^\d{4}-\d\d-\d\dT/.test(recorded)) {
    // Samples have whole microseconds; times of events are kept to the digit.
    if (!path.endsWith('/timestamp')) return false;
    return recorded.replace(/(\.\d{6})\d+/, '$1').replace(/\.?0+Z$/, 'Z') === answered.replace(/\.?0+Z$/, 'Z');
  }
  // Rates divide by the time between samples, which the recordings know to the nanosecond.
  if (path.includes('/cpu_inst/')) return Math.abs(Number(recorded) - Number(answered)) <= Number(recorded) * 1e-5;
  return false;
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import picomatch from 'picomatch';
import { messageOf } from './errors.js';
import { z } from './zod.js';

const DURATION_UNITS: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const SIZE_UNITS: Record<string, number> = {
  '': 1,
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/**
 * Milliseconds of a duration such as `500ms`, `1s`, `1m30s`, `1.5h`; `0` needs no unit.
 * @returns undefined when the text is not a duration
 */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  let rest = text;
  let total = 0;
  while (rest !== '') {
    const match = /^(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)/.exec(rest);
    if (match === null) return undefined;
    total += Number(match[1]) * DURATION_UNITS[match[2]]!;
    rest = rest.slice(match[0].length);
  }
  return text === '' || !Number.isFinite(total) ? undefined : total;
}

/** Bytes of a size such as `64MiB`, `1.5GB`, `4096`; undefined when the text is not a size. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(text);
  const unit = match === null ? undefined : SIZE_UNITS[match[2]!];
  if (match === null || unit === undefined) return undefined;
  const bytes = Math.round(Number(match[1]) * unit);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** 1 for `100%`; undefined when the text is not a percentage. */
export function parsePercentage(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?%$/.exec(text);
  return match === null ? undefined : Number(match[1]) / 100;
}

/** An option that is written as text or as a number. @param expected what it is, with examples, for the error */
const measured = (parse: (text: string) => number | undefined, expected: string) =>
  z.union([z.string(), z.number()]).transform((input, context): number => {
    const value = parse(String(input));
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: `expected ${expected}, not ${JSON.stringify(input)}` });
    return z.NEVER;
  });

/** An option holding a duration; the plugin gets milliseconds. */
export const duration = () =>
  measured(parseDuration, 'a duration such as 500ms, 10s or 1m30s').meta({ format: 'duration' });

/** An option holding a size; the plugin gets bytes. */
export const size = () => measured(parseSize, 'a size such as 64MiB, 1GB or 4096').meta({ format: 'size' });

/** An option holding a percentage; the plugin gets 0.02 for `2%`. */
export const percentage = () =>
  measured(parsePercentage, 'a percentage such as 2% or 150%').meta({ format: 'percentage' });

/**
 * An option holding a password, a token or the like: `tallyman check`, the log of reloads and errors show `(secret)` in
 * its place. For headers: `z.record(z.string(), secret())`. Secrets are better kept in files that an option names.
 */
export const secret = () => z.string().meta({ format: 'password' });

/** An option holding a glob (`/system.slice/*.service`, `web-{a,b}`); the plugin gets the compiled pattern. */
export const glob = () =>
  z
    .string()
    .transform((input, context): RegExp => {
      try {
        return picomatch.makeRe(input, { dot: true, strictBrackets: true });
      } catch (error) {
        context.addIssue({ code: 'custom', message: `not a glob: ${messageOf(error)}` });
        return z.NEVER;
      }
    })
    .meta({ format: 'glob' });

import { RE2JS, RE2JSSyntaxException } from 're2js';
import type { AppMetricSample, AppMetricSpec } from '../../../kernel/contracts/index.js';
import { parseFloat64, record } from '../common/index.js';

/** Characters of an expression, and instructions of the program that it is compiled to: each may cost as much per character searched. */
const MAX_REGEX_LENGTH = 2_000;
const LARGEST_PROGRAM = 1_000;
/** A metric name that messages may quote from a container's file. */
const PLAIN_NAME = /^[\w:.-]{1,100}$/;

/** A value extracted from a text by a regular expression. */
export interface RegexMetric {
  readonly spec: AppMetricSpec;
  readonly regex: string;
}

/**
 * Compiles an expression. Expressions come from images and texts from whatever answers: the engine is RE2's, whose time
 * grows with the product of both sizes and no faster, and whose syntax is that of the configs written for cAdvisor.
 * @returns what is wrong with it, as a text that quotes nothing of it
 */
export function compileRegex(regex: string): RE2JS | string {
  if (regex.length > MAX_REGEX_LENGTH) return `its regex is longer than ${MAX_REGEX_LENGTH} characters`;
  let pattern: RE2JS;
  try {
    pattern = RE2JS.compile(regex);
  } catch (error) {
    const reason = error instanceof RE2JSSyntaxException ? error.error : 'the engine failed';
    return `its regex does not compile: ${reason}`;
  }
  if (pattern.groupCount() < 1) return 'its regex has no group (…) to take the value from';
  if (pattern.programSize() > LARGEST_PROGRAM) {
    return `its regex is too large: it compiles to ${pattern.programSize()} instructions, limit: ${LARGEST_PROGRAM}`;
  }
  return pattern;
}

/** A metric of cAdvisor's `metrics_config`; its regex is compiled where it is used. @returns the metric, or what is wrong with it */
export function parseMetric(value: unknown): RegexMetric | string {
  const { name, metric_type: type = 'gauge', units = '', data_type: format, regex } = record(value);
  if (typeof name !== 'string' || name === '') return 'it has no name';
  if (typeof type !== 'string' || typeof units !== 'string') return 'metric_type and units are texts';
  if (format !== 'int' && format !== 'float') return 'data_type is neither int nor float';
  if (typeof regex !== 'string') return 'it has no regex';
  return { spec: { name, type, format, units }, regex };
}

/** Name of a metric in messages. @param index in its list */
export function metricTitle(name: unknown, index: number): string {
  return typeof name === 'string' && PLAIN_NAME.test(name) ? `metric "${name}"` : `metric ${index + 1}`;
}

/** The first group of the first match; `undefined`: there is none. */
export function firstGroup(pattern: RE2JS, text: string): string | undefined {
  const matcher = pattern.matcher(text);
  return matcher.find() ? (matcher.group(1) ?? '').trim().slice(0, 100) : undefined;
}

/** @returns the sample, or why there is none */
export function sampleOf({ name, format }: AppMetricSpec, found: string | undefined): AppMetricSample | string {
  if (found === undefined) return 'its regex matches nothing in the answer';
  const value = format === 'int' ? parseInt64(found) : parseFloat64(found);
  if (value === undefined)
    return `${JSON.stringify(found)} is not ${format === 'int' ? 'a 64-bit integer' : 'a number'}`;
  return { name, value };
}

function parseInt64(text: string): bigint | undefined {
  if (!/^[+-]?\d{1,30}$/.test(text)) return undefined;
  const value = BigInt(text.replace(/^\+/, ''));
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

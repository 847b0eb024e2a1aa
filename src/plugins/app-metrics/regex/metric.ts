import { RE2JS } from 're2js';
import { type AppMetricSample, type AppMetricSpec, messageOf } from '../../../kernel/contracts/index.js';
import { parseFloat64, record } from '../common/index.js';

/** One value that is taken from a text by a regular expression. */
export interface RegexMetric {
  readonly spec: AppMetricSpec;
  readonly pattern: RE2JS;
}

/** A metric as a config writes it. */
export interface MetricInput {
  readonly name: string;
  readonly type: string;
  readonly units: string;
  readonly format: 'int' | 'float';
  readonly regex: string;
}

/**
 * Compiles a metric's expression. The expressions come from images and the texts from whatever answers: the engine
 * is RE2's, whose time is linear whatever both are, and whose syntax is that of the configs written for cAdvisor.
 * @returns what is wrong with it, as a text
 */
export function compileMetric({ name, type, units, format, regex }: MetricInput): RegexMetric | string {
  let pattern: RE2JS;
  try {
    pattern = RE2JS.compile(regex);
  } catch (error) {
    return `its regex ${JSON.stringify(regex)} does not compile: ${messageOf(error)}`;
  }
  if (pattern.groupCount() < 1) {
    return `its regex ${JSON.stringify(regex)} has no group (…) to take the value from`;
  }
  return { spec: { name, type, format, units }, pattern };
}

/** A metric of cAdvisor's `metrics_config`. @returns the metric, or what is wrong with it */
export function parseMetric(value: unknown): RegexMetric | string {
  const { name, metric_type: type = 'gauge', units = '', data_type: format, regex } = record(value);
  if (typeof name !== 'string' || name === '') return 'it has no name';
  if (typeof type !== 'string' || typeof units !== 'string') return 'metric_type and units are texts';
  if (format !== 'int' && format !== 'float') return `data_type is int or float, not ${JSON.stringify(format)}`;
  if (typeof regex !== 'string') return 'it has no regex';
  return compileMetric({ name, type, units, format, regex });
}

/** Takes a metric's value out of a text. @returns the value, or why there is none */
export function extract({ spec, pattern }: RegexMetric, text: string): AppMetricSample | string {
  const matcher = pattern.matcher(text);
  if (!matcher.find()) return 'its regex matches nothing in the answer';
  const found = (matcher.group(1) ?? '').trim();
  const value = spec.format === 'int' ? parseInt64(found) : parseFloat64(found);
  if (value === undefined)
    return `${JSON.stringify(found.slice(0, 100))} is not ${spec.format === 'int' ? 'a 64-bit integer' : 'a number'}`;
  return { name: spec.name, value };
}

function parseInt64(text: string): bigint | undefined {
  if (!/^[+-]?\d{1,30}$/.test(text)) return undefined;
  const value = BigInt(text.replace(/^\+/, ''));
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

import type { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import type { ExportContainer, Label, Sink } from '../../../kernel/contracts/index.js';
import { PreparedByContainer, type PreparedMetrics, prepareMetrics, writeMetrics } from '../common/index.js';

const SPACE = 0x20;
const NEWLINE = 0x0a;

/** Text of a measurement, tag or field key, or tag value. The protocol has no way to write a line break in it. */
function escaped(text: string, special: RegExp): string {
  // A backslash at the end would escape the character that follows.
  return text
    .replace(/[\r\n]+/g, ' ')
    .replace(/\\+$/, '')
    .replace(special, '\\$&');
}

const measurementText = (text: string) => escaped(text, /[, ]/g);
const keyText = (text: string) => escaped(text, /[,= ]/g);

/** `,name=value` for each tag that is not empty. */
export function tagsText(tags: readonly Label[]): string {
  return tags
    .map(([name, value]) => [keyText(name), keyText(value)] as const)
    .filter(([name, value]) => name !== '' && value !== '')
    .map(([name, value]) => `,${name}=${value}`)
    .join('');
}

interface Line {
  /** Measurement and tags, with the space after them. */
  readonly head: Uint8Array;
  readonly metrics: PreparedMetrics;
}

/**
 * Encodes a sample as lines: one for each set of labels, with a field for each metric. Measurement and field together,
 * with `_` between, are the metric's name, as VictoriaMetrics puts them together again.
 */
export function lineEncoder(): Sink['encode'] {
  const prepared = new PreparedByContainer((groups, { container }): readonly Line[] =>
    groups.flatMap((group) => {
      const labels = [...container.labels, ...group.labels].sort(([a], [b]) => (a < b ? -1 : 1));
      const measurements = new Set(group.members.map(({ name }) => measurementOf(name)));
      return [...measurements].map((measurement) => {
        const members = group.members.filter(({ name }) => measurementOf(name) === measurement);
        return {
          head: Buffer.from(`${measurementText(measurement)}${tagsText(labels)} `),
          metrics: prepareMetrics({ labels, members }, (name) => `${keyText(name.slice(measurement.length + 1))}=`),
        };
      });
    }),
  );
  return (sample, out) => {
    let count = 0;
    for (const { head, metrics } of prepared.of(sample)) {
      const start = out.length;
      out.bytes(head);
      const written = writeMetrics(out, sample, metrics);
      count += written;
      if (written === 0) out.length = start;
      else endLine(out, sample.time);
    }
    return count;
  };
}

/** What is before the first `_` of a metric's name that has something behind it. */
function measurementOf(name: string): string {
  const end = name.indexOf('_', 1);
  return end < 0 || end === name.length - 1 ? 'metric' : name.slice(0, end);
}

/** @param time µs */
function endLine(out: ByteWriter, time: number): void {
  out.reserve(2);
  out.buffer[out.length++] = SPACE;
  out.integer(time);
  out.reserve(1);
  out.buffer[out.length++] = NEWLINE;
}

/** A measurement of cAdvisor's driver. */
interface DriverSeries {
  readonly measurement: string;
  readonly field: string;
  /** Tags besides the container's. */
  readonly tags?: Readonly<Record<string, string>>;
  /** Tag that takes the value of the field's first dimension. */
  readonly tag?: string;
}

const fault = (of: 'container' | 'hierarchical', type: 'pgfault' | 'pgmajfault'): DriverSeries => ({
  measurement: 'memory_failure',
  field: `memory.${of}.${type}`,
  tags: { failure_type: type, scope: of },
});

const same = (names: readonly string[], measurementPrefix: string, fieldPrefix: string): DriverSeries[] =>
  names.map((name) => ({ measurement: `${measurementPrefix}${name}`, field: `${fieldPrefix}${name}` }));

const DRIVER_SERIES: readonly DriverSeries[] = [
  ...same(['total', 'system', 'user'], 'cpu_usage_', 'cpu.usage.'),
  { measurement: 'cpu_usage_per_cpu', field: 'cpu.usage.per_cpu', tag: 'instance' },
  { measurement: 'load_average', field: 'cpu.load_average' },
  // Those of the first interface, as in the API.
  ...same(['rx_bytes', 'rx_errors', 'tx_bytes', 'tx_errors'], '', 'network.'),
  { measurement: 'referenced_memory', field: 'memory.referenced' },
  ...same(
    ['usage', 'max_usage', 'cache', 'rss', 'swap', 'mapped_file', 'working_set', 'failcnt'],
    'memory_',
    'memory.',
  ),
  fault('container', 'pgfault'),
  fault('container', 'pgmajfault'),
  fault('hierarchical', 'pgfault'),
  fault('hierarchical', 'pgmajfault'),
  ...['usage', 'max_usage', 'failcnt'].map((name) => ({
    measurement: `hugetlb_${name}`,
    field: `hugetlb.${name}`,
    tag: 'page_size',
  })),
  { measurement: 'fs_usage', field: 'filesystem.usage', tags: { type: 'usage' }, tag: 'device' },
  { measurement: 'fs_limit', field: 'filesystem.capacity', tags: { type: 'limit' }, tag: 'device' },
];

const DRIVER_TAIL = Buffer.from('i');

/**
 * Encodes a sample as the points of cAdvisor's driver: a measurement for each number, with one integer field `value`.
 * @param tagsOf tags of all points of a container
 */
export function driverLineEncoder(tagsOf: (container: ExportContainer) => readonly Label[]): Sink['encode'] {
  /** Column, and measurement, tags and ` value=`, of each line. */
  const prepared = new PreparedByContainer((_, { container, cursor: { layout } }) => {
    const common = tagsOf(container);
    return DRIVER_SERIES.flatMap(({ measurement, field, tags = {}, tag }) => {
      const found = tag === undefined ? [layout.indexOf(field)].filter((index) => index >= 0) : layout.indexesOf(field);
      return found.map((column) => {
        const own = tag === undefined ? tags : { ...tags, [tag]: layout.columns[column]!.labels?.[0] ?? '' };
        const all = [...new Map([...common, ...Object.entries(own)])].sort(([a], [b]) => (a < b ? -1 : 1));
        return { column, head: Buffer.from(`${measurementText(measurement)}${tagsText(all)} value=`) };
      });
    });
  });
  return (sample, out) => {
    const { values, residuals, base } = sample.cursor;
    let count = 0;
    for (const { column, head } of prepared.of(sample)) {
      const value = values[base + column]!;
      if (Number.isNaN(value)) continue;
      out.bytes(head);
      // A mean may have a fraction, which a field of integers does not take.
      out.integer(Math.round(value), residuals?.[base + column] ?? 0);
      out.bytes(DRIVER_TAIL);
      endLine(out, sample.time);
      count++;
    }
    return count;
  };
}

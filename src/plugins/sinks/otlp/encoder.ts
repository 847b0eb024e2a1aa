import type { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import {
  type AgentView,
  type ContainerDescription,
  type ContainerView,
  type ExportContainer,
  type ExportSample,
  groupingOf,
  hostAndCluster,
  type MetricFamily,
  passes,
  startTime,
} from '../../../kernel/contracts/index.js';
import { bytesField, FIXED64_FIELD_BYTES, putInteger, putVarint, textField, varintSize } from '../common/index.js';
import { SCHEMA_URL } from './conventions.js';
import type { OtlpOptions } from './options.js';

/** µs. Samples that are closer give no rate: two are 1 µs apart when the clock was set back between them. */
const SHORTEST = 10_000;

/** Tags of the fields in the official definitions: field number and wire type. */
const REQUEST = { resourceMetrics: 0x0a };
const RESOURCE_METRICS = { resource: 0x0a, scopeMetrics: 0x12, schemaUrl: 0x1a };
const RESOURCE = { attributes: 0x0a };
const SCOPE_METRICS = { scope: 0x0a, metrics: 0x12 };
const SCOPE = { name: 0x0a, version: 0x12 };
const METRIC = { name: 0x0a, description: 0x12, unit: 0x1a, gauge: 0x2a, sum: 0x3a };
const SUM = { dataPoints: 0x0a, temporality: 0x10, isMonotonic: 0x18 };
const POINT = { start: 0x11, time: 0x19, asDouble: 0x21, asInt: 0x31, attributes: 0x3a };
const KEY_VALUE = { key: 0x0a, value: 0x12 };
const ANY_VALUE = { string: 0x0a };
const CUMULATIVE = 2;

/** Labels of groupings for which the semantic conventions have names of their own. */
const GROUPING_ATTRIBUTES: Readonly<Record<string, string>> = {
  'kubernetes.namespace': 'k8s.namespace.name',
  'kubernetes.pod': 'k8s.pod.name',
  'kubernetes.container': 'k8s.container.name',
};

type Attributes = readonly (readonly [key: string, value: string])[];

/** State of a container between samples. */
interface Known {
  description: ContainerDescription;
  /** The field `resource`. */
  resource: Buffer;
  /** When its sums began, µs; 0 unknown. */
  start: number;
  time: number;
  /** CPU time then, ns. */
  cpu: number;
}

/** A data point as bytes, without its numbers. */
interface PreparedPoint {
  /** Tag and length. */
  readonly head: Buffer;
  readonly attributes: Buffer;
  /** Bytes of the whole field. */
  readonly size: number;
}

/** The series of one family: a metric with its data points. */
interface PreparedMetric {
  /** Name, description and unit. */
  readonly head: Buffer;
  /** Tag of the field with the data points. */
  readonly tag: number;
  /** What follows the data points. */
  readonly tail: Buffer;
  readonly hasStart: boolean;
  /** Of the series `first`, `first + 1`, … */
  readonly points: readonly PreparedPoint[];
  readonly first: number;
}

/** A gauge with one data point without attributes. */
interface SingleMetric {
  /** Everything before the time and the value of the point. */
  readonly bytes: Buffer;
  /** NaN: there is none. */
  value: number;
}

/** Encodes samples as parts of an `ExportMetricsServiceRequest`. */
export class RequestEncoder {
  private readonly known = new WeakMap<ContainerView | ExportContainer, Known>();
  private readonly plans = new WeakMap<ExportSample['series'], readonly PreparedMetric[]>();
  private readonly scope: Buffer;
  /** Values of the sample that is encoded. */
  private values = new Float64Array(64);
  /** Sizes of the fields with data points of its metrics; 0: none has a value. */
  private sizes = new Uint32Array(64);
  /** Its times in nanoseconds, with their tags. */
  private readonly start = Buffer.alloc(FIXED64_FIELD_BYTES, POINT.start);
  private readonly time = Buffer.alloc(FIXED64_FIELD_BYTES, POINT.time);
  private readonly derived: readonly [SingleMetric, SingleMetric] = [
    singleMetric('container.cpu.usage', '{cpu}', 'CPUs in use since the sample before.'),
    singleMetric('container.uptime', 's', 'Time for which the container has been running.'),
  ];

  constructor(
    private readonly options: OtlpOptions,
    private readonly agent: AgentView,
  ) {
    const scope = [textField(SCOPE.name, 'tallyman'), textField(SCOPE.version, agent.version)];
    this.scope = bytesField(SCOPE_METRICS.scope, Buffer.concat(scope));
  }

  /** Adds a container to the request. @returns data points added */
  add(sample: ExportSample, out: ByteWriter): number {
    const known = this.knownOf(sample.container);
    const plan = this.planOf(sample.series);
    this.derive(sample, known);
    const scopeSize = this.scope.length + this.measure(sample, plan);
    const contentSize = known.resource.length + fieldSize(scopeSize) + SCHEMA.length;
    out.reserve(fieldSize(contentSize));
    const { buffer } = out;
    let at = putHead(buffer, out.length, REQUEST.resourceMetrics, contentSize);
    at += known.resource.copy(buffer, at);
    at = putHead(buffer, at, RESOURCE_METRICS.scopeMetrics, scopeSize);
    at += this.scope.copy(buffer, at);
    this.start.writeBigInt64LE(BigInt(Math.round(known.start)) * 1000n, 1);
    this.time.writeBigInt64LE(BigInt(Math.round(sample.time)) * 1000n, 1);
    let points = 0;
    for (let i = 0; i < plan.length; i++) {
      if (this.sizes[i] === 0) continue;
      const metric = plan[i]!;
      const bodySize = this.sizes[i]!;
      at = putHead(buffer, at, SCOPE_METRICS.metrics, metric.head.length + fieldSize(bodySize));
      at += metric.head.copy(buffer, at);
      at = putHead(buffer, at, metric.tag, bodySize);
      for (let j = 0; j < metric.points.length; j++) {
        const index = metric.first + j;
        if (Number.isNaN(this.values[index])) continue;
        at = this.putPoint(buffer, at, sample, metric, index);
        points++;
      }
      at += metric.tail.copy(buffer, at);
    }
    for (const { bytes, value } of this.derived) {
      if (Number.isNaN(value)) continue;
      at += bytes.copy(buffer, at);
      at += this.time.copy(buffer, at);
      at = putDouble(buffer, at, value);
      points++;
    }
    out.length = at + SCHEMA.copy(buffer, at);
    return points;
  }

  private knownOf(container: ExportContainer): Known {
    const { kind, description, view } = container;
    const key = kind === 'container' ? view : container;
    let known = this.known.get(key);
    if (known?.description !== description) {
      // Since when others count is not known.
      const start = kind === 'container' ? startTime(description, view.createdAt, view.limits().createdAt) : 0;
      const attributes = [...this.hostAttributes(), ...this.resourceOf(container)];
      const fields = attributes.map(([key, value]) => attributeField(RESOURCE.attributes, key, value));
      const resource = bytesField(RESOURCE_METRICS.resource, Buffer.concat(fields));
      known = { time: Number.NaN, cpu: Number.NaN, ...known, description, resource, start };
      this.known.set(key, known);
    }
    return known;
  }

  private hostAttributes(): Attributes {
    const { host, cluster } = hostAndCluster(this.options);
    const { machine_id } = this.agent.host.machine();
    const known = { cluster, 'host.name': host, 'host.id': machine_id };
    return [
      ...Object.entries(this.options.externalLabels),
      ...Object.entries(known).filter(([, value]) => value !== ''),
    ];
  }

  private resourceOf({ kind, name, description }: ExportContainer): Attributes {
    if (kind === 'machine' || kind === 'agent') return [];
    const { id, aliases, image, imageId, namespace, labels } = description;
    const { labelAllow, labelDeny, labelRename } = this.options;
    const known = {
      'container.id': id,
      'container.name': aliases[0] ?? name,
      'container.image.name': image,
      'container.image.id': imageId,
      'container.runtime.name': namespace,
      'tallyman.container': name,
    };
    const wanted = Object.entries(labels).filter(([key]) => passes([key], labelAllow, labelDeny));
    const attribute = (key: string) => (Object.hasOwn(labelRename, key) ? labelRename[key]! : `container.label.${key}`);
    const grouping = Object.entries((this.options.groupLabels ? groupingOf(description)?.labels : undefined) ?? {});
    return [
      ...Object.entries(known).flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const])),
      ...grouping.map(([key, value]) => [GROUPING_ATTRIBUTES[key] ?? key, value] as const),
      ...wanted.map(([key, value]) => [attribute(key), value] as const),
    ];
  }

  /** Takes the values and sizes of a sample. @returns bytes of all its metrics */
  private measure(sample: ExportSample, plan: readonly PreparedMetric[]): number {
    const { length } = sample.series;
    if (length > this.values.length) {
      this.values = new Float64Array(length);
      this.sizes = new Uint32Array(length);
    }
    const { values, sizes } = this;
    let total = 0;
    for (let i = 0; i < plan.length; i++) {
      const { head, tail, points, first } = plan[i]!;
      let size = 0;
      for (let j = 0; j < points.length; j++) {
        const value = sample.value(first + j);
        values[first + j] = value;
        if (!Number.isNaN(value)) size += points[j]!.size;
      }
      if (size > 0) size += tail.length;
      sizes[i] = size;
      if (size > 0) total += fieldSize(head.length + fieldSize(size));
    }
    for (const { bytes, value } of this.derived) {
      if (!Number.isNaN(value)) total += bytes.length + 2 * FIXED64_FIELD_BYTES;
    }
    return total;
  }

  private putPoint(buffer: Buffer, at: number, sample: ExportSample, metric: PreparedMetric, index: number): number {
    const { head, attributes } = metric.points[index - metric.first]!;
    at += head.copy(buffer, at);
    if (metric.hasStart) at += this.start.copy(buffer, at);
    at += this.time.copy(buffer, at);
    const value = this.values[index]!;
    const { column, minus, divisor } = sample.series[index]!;
    if (divisor === 1 && Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63) {
      const { residuals, base } = sample.cursor;
      buffer[at] = POINT.asInt;
      at = putInteger(buffer, at + 1, value, minus < 0 ? (residuals?.[base + column] ?? 0) : 0);
    } else at = putDouble(buffer, at, value);
    return at + attributes.copy(buffer, at);
  }

  private planOf(series: ExportSample['series']): readonly PreparedMetric[] {
    let plan = this.plans.get(series);
    if (plan === undefined) {
      const metrics: PreparedMetric[] = [];
      for (let first = 0; first < series.length; ) {
        const { family } = series[first]!;
        let end = first;
        while (end < series.length && series[end]!.family === family) end++;
        metrics.push(prepareMetric(family, series.slice(first, end), first));
        first = end;
      }
      plan = metrics;
      this.plans.set(series, plan);
    }
    return plan;
  }

  /** CPUs in use and uptime, which no column holds. */
  private derive({ container, cursor }: ExportSample, known: Known): void {
    const [cpuUsage, uptime] = this.derived;
    cpuUsage.value = Number.NaN;
    uptime.value = Number.NaN;
    if (container.kind !== 'container') return;
    const { time, layout, values, base } = cursor;
    const column = layout.indexOf('cpu.usage.total');
    const cpu = column < 0 ? Number.NaN : values[base + column]!;
    const elapsed = time - known.time;
    const usage = elapsed >= SHORTEST ? (cpu - known.cpu) / (elapsed * 1000) : Number.NaN;
    known.time = time;
    known.cpu = cpu;
    if (usage >= 0) cpuUsage.value = usage;
    if (known.start > 0 && time >= known.start) uptime.value = (time - known.start) / 1e6;
  }
}

const SCHEMA = textField(RESOURCE_METRICS.schemaUrl, SCHEMA_URL);

/** Bytes of a field of so many bytes. */
const fieldSize = (size: number): number => 1 + varintSize(size) + size;

/** `KeyValue { key, AnyValue { string_value } }` */
const attributeField = (tag: number, key: string, value: string): Buffer =>
  bytesField(
    tag,
    Buffer.concat([textField(KEY_VALUE.key, key), bytesField(KEY_VALUE.value, textField(ANY_VALUE.string, value))]),
  );

const metricHead = ({ name, help, unit = '1' }: Pick<MetricFamily, 'name' | 'help' | 'unit'>): Buffer =>
  Buffer.concat([textField(METRIC.name, name), textField(METRIC.description, help), textField(METRIC.unit, unit)]);

function prepareMetric(family: MetricFamily, series: ExportSample['series'], first: number): PreparedMetric {
  const { type } = family;
  const hasStart = type !== 'gauge';
  const points = series.map(({ labels }): PreparedPoint => {
    const attributes = Buffer.concat(labels.map(([key, text]) => attributeField(POINT.attributes, key, text)));
    const size = (hasStart ? 3 : 2) * FIXED64_FIELD_BYTES + attributes.length;
    const head = Buffer.alloc(1 + varintSize(size));
    putHead(head, 0, SUM.dataPoints, size);
    return { head, attributes, size: head.length + size };
  });
  const tail = hasStart ? [SUM.temporality, CUMULATIVE, SUM.isMonotonic, type === 'counter' ? 1 : 0] : [];
  return {
    head: metricHead(family),
    tag: hasStart ? METRIC.sum : METRIC.gauge,
    tail: Buffer.from(tail),
    hasStart,
    points,
    first,
  };
}

function singleMetric(name: string, unit: string, help: string): SingleMetric {
  const point = Buffer.alloc(2 * FIXED64_FIELD_BYTES);
  const body = bytesField(METRIC.gauge, bytesField(SUM.dataPoints, point));
  const metric = bytesField(SCOPE_METRICS.metrics, Buffer.concat([metricHead({ name, help, unit }), body]));
  return { bytes: metric.subarray(0, metric.length - point.length), value: Number.NaN };
}

/** Writes the tag and the length of a field. @returns where it ends */
function putHead(target: Buffer, at: number, tag: number, size: number): number {
  target[at] = tag;
  return putVarint(target, at + 1, size);
}

function putDouble(target: Buffer, at: number, value: number): number {
  target[at] = POINT.asDouble;
  return target.writeDoubleLE(value, at + 1);
}

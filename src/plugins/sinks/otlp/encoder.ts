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
import { SCHEMA_URL } from './conventions.js';
import type { OtlpOptions } from './options.js';
import { MessageWriter } from './wire.js';

const CUMULATIVE = 2;
/** µs. Samples that are closer give no rate: two are 1 µs apart when the clock was set back between them. */
const SHORTEST = 10_000;

/** Field numbers of the official definitions. */
const REQUEST = { resourceMetrics: 1 };
const RESOURCE_METRICS = { resource: 1, scopeMetrics: 2, schemaUrl: 3 };
const RESOURCE = { attributes: 1 };
const SCOPE_METRICS = { scope: 1, metrics: 2, schemaUrl: 3 };
const SCOPE = { name: 1, version: 2 };
const METRIC = { name: 1, description: 2, unit: 3, gauge: 5, sum: 7 };
const SUM = { dataPoints: 1, temporality: 2, isMonotonic: 3 };
const POINT = { start: 2, time: 3, asDouble: 4, asInt: 6, attributes: 7 };

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
  resource: Attributes;
  /** When its sums began, µs; 0 unknown. */
  start: number;
  time: number;
  /** CPU time then, ns. */
  cpu: number;
}

/** Encodes samples as parts of an `ExportMetricsServiceRequest`. */
export class RequestEncoder {
  private readonly known = new WeakMap<ContainerView | ExportContainer, Known>();
  private readonly message = new MessageWriter();
  private points = 0;

  constructor(
    private readonly options: OtlpOptions,
    private readonly agent: AgentView,
  ) {}

  /** Adds a container to the request. @returns data points added */
  add(sample: ExportSample, out: ByteWriter): number {
    const { message } = this;
    const known = this.knownOf(sample.container);
    this.points = 0;
    message.message(REQUEST.resourceMetrics, () => {
      message.message(RESOURCE_METRICS.resource, () => {
        for (const [key, value] of known.resource) message.attribute(RESOURCE.attributes, key, value);
      });
      message.message(RESOURCE_METRICS.scopeMetrics, () => this.scope(sample, known));
      message.string(RESOURCE_METRICS.schemaUrl, SCHEMA_URL);
    });
    out.bytes(message.finish());
    return this.points;
  }

  private knownOf(container: ExportContainer): Known {
    const { kind, description, view } = container;
    const key = kind === 'container' ? view : container;
    let known = this.known.get(key);
    if (known?.description !== description) {
      // Since when others count is not known.
      const start = kind === 'container' ? startTime(description, view.createdAt, view.limits().createdAt) : 0;
      const resource = [...this.hostAttributes(), ...this.resourceOf(container)];
      known = { time: Number.NaN, cpu: Number.NaN, ...known, description, resource, start };
      this.known.set(key, known);
    }
    return known;
  }

  private hostAttributes(): Attributes {
    const { host, cluster } = hostAndCluster(this.options);
    const { machine_id } = this.agent.host.machine();
    return [
      ...Object.entries(this.options.externalLabels),
      ...(cluster === '' ? [] : [['cluster', cluster] as const]),
      ...(host === '' ? [] : [['host.name', host] as const]),
      ...(machine_id === '' ? [] : [['host.id', machine_id] as const]),
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

  private scope(sample: ExportSample, known: Known): void {
    const { message } = this;
    message.message(SCOPE_METRICS.scope, () => {
      message.string(SCOPE.name, 'tallyman');
      message.string(SCOPE.version, this.agent.version);
    });
    const { series } = sample;
    for (let first = 0; first < series.length; ) {
      const { family } = series[first]!;
      let end = first;
      while (end < series.length && series[end]!.family === family) end++;
      this.metric(sample, known.start, first, end);
      first = end;
    }
    if (sample.container.kind === 'container') this.derived(sample, known);
  }

  /** Writes the series `first … end − 1`, which are of one family. */
  private metric(sample: ExportSample, start: number, first: number, end: number): void {
    while (first < end && Number.isNaN(sample.value(first))) first++;
    if (first === end) return;
    const { family } = sample.series[first]!;
    this.head(family, () => {
      for (let i = first; i < end; i++) {
        if (!Number.isNaN(sample.value(i))) this.message.message(SUM.dataPoints, () => this.point(sample, start, i));
      }
    });
  }

  private head({ name, help, unit = '1', type }: Omit<MetricFamily, 'index'>, write: () => void): void {
    const { message } = this;
    message.message(SCOPE_METRICS.metrics, () => {
      message.string(METRIC.name, name);
      message.string(METRIC.description, help);
      message.string(METRIC.unit, unit);
      message.message(type === 'gauge' ? METRIC.gauge : METRIC.sum, () => {
        write();
        if (type === 'gauge') return;
        message.enumeration(SUM.temporality, CUMULATIVE);
        message.boolean(SUM.isMonotonic, type === 'counter');
      });
    });
  }

  private point(sample: ExportSample, start: number, index: number): void {
    const { message } = this;
    const { column, minus, divisor, labels, family } = sample.series[index]!;
    const { residuals, base, time } = sample.cursor;
    if (family.type !== 'gauge') message.time(POINT.start, start);
    message.time(POINT.time, time);
    const value = sample.value(index);
    const residual = minus < 0 ? (residuals?.[base + column] ?? 0) : 0;
    if (divisor === 1 && Number.isInteger(value) && value < 2 ** 63) message.fixed64(POINT.asInt, value, residual);
    else message.double(POINT.asDouble, value);
    for (const [key, text] of labels) message.attribute(POINT.attributes, key, text);
    this.points++;
  }

  /** CPUs in use and uptime, which no column holds. */
  private derived({ cursor }: ExportSample, known: Known): void {
    const { time, layout, values, base } = cursor;
    const column = layout.indexOf('cpu.usage.total');
    const cpu = column < 0 ? Number.NaN : values[base + column]!;
    const elapsed = time - known.time;
    const cpuUsage = elapsed >= SHORTEST ? (cpu - known.cpu) / (elapsed * 1000) : Number.NaN;
    known.time = time;
    known.cpu = cpu;
    if (cpuUsage >= 0)
      this.single('container.cpu.usage', '{cpu}', 'CPUs in use since the sample before.', cpuUsage, time);
    const uptime = (time - known.start) / 1e6;
    if (known.start > 0 && uptime >= 0) {
      this.single('container.uptime', 's', 'Time for which the container has been running.', uptime, time);
    }
  }

  /** A gauge of one double. */
  private single(name: string, unit: string, help: string, value: number, time: number): void {
    const { message } = this;
    this.head({ name, unit, help, type: 'gauge' }, () => {
      message.message(SUM.dataPoints, () => {
        message.time(POINT.time, time);
        message.double(POINT.asDouble, value);
      });
    });
    this.points++;
  }
}

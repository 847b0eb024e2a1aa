import type { ContainerView, Layout, SampleCursor } from '../../../kernel/contracts/index.js';
import { type PlannedMetric, type PlannedPoint, planMetrics, SCHEMA_URL, type Shape } from './conventions.js';
import type { OtlpOptions } from './options.js';
import { MessageWriter } from './wire.js';

const CUMULATIVE = 2;

/** Field numbers of the official definitions. */
const REQUEST = { resourceMetrics: 1 };
const RESOURCE_METRICS = { resource: 1, scopeMetrics: 2, schemaUrl: 3 };
const RESOURCE = { attributes: 1 };
const SCOPE_METRICS = { scope: 1, metrics: 2, schemaUrl: 3 };
const SCOPE = { name: 1, version: 2 };
const METRIC = { name: 1, description: 2, unit: 3, gauge: 5, sum: 7 };
const SUM = { dataPoints: 1, temporality: 2, isMonotonic: 3 };
const POINT = { start: 2, time: 3, asDouble: 4, asInt: 6, attributes: 7 };

/** What the container is, by the semantic conventions of resources. */
export type ResourceAttributes = readonly (readonly [key: string, value: string])[];

/** One container's contribution to a request. */
export interface ContainerPoints {
  readonly container: ContainerView;
  readonly cursor: SampleCursor;
  /** When the sums began, µs. */
  readonly start: number;
  /** CPUs in use since the sample sent before; NaN unknown. */
  readonly cpuUsage: number;
  /** Seconds since the container started; NaN unknown. */
  readonly uptime: number;
}

/** Encodes samples as `ExportMetricsServiceRequest`. */
export class RequestEncoder {
  private readonly plans = new WeakMap<Layout, readonly PlannedMetric[]>();
  private readonly out = new MessageWriter();
  /** Data points in the request being written. */
  points = 0;

  constructor(
    private readonly options: OtlpOptions,
    private readonly version: string,
    private readonly host: ResourceAttributes,
  ) {}

  /** Ends the request. @returns its bytes */
  finish(): Uint8Array {
    this.points = 0;
    return this.out.finish();
  }

  /** Adds a container to the request. */
  add(points: ContainerPoints): void {
    const { out } = this;
    out.message(REQUEST.resourceMetrics, () => {
      out.message(RESOURCE_METRICS.resource, () => {
        const attributes = [...this.host, ...this.resourceOf(points.container)];
        for (const [key, value] of attributes) out.attribute(RESOURCE.attributes, key, value);
      });
      out.message(RESOURCE_METRICS.scopeMetrics, () => this.scope(points));
      out.string(RESOURCE_METRICS.schemaUrl, SCHEMA_URL);
    });
  }

  private resourceOf({ name, description }: ContainerView): ResourceAttributes {
    const { id, aliases, image, imageId, namespace, labels } = description;
    const known = {
      'container.id': id,
      'container.name': aliases[0] ?? name,
      'container.image.name': image,
      'container.image.id': imageId,
      'container.runtime.name': namespace,
      'tallyman.container': name,
    };
    const wanted = Object.entries(labels).filter(([key]) => this.options.labels.some((pattern) => pattern.test(key)));
    return [
      ...Object.entries(known).flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const])),
      ...wanted.map(([key, value]) => [`container.label.${key}`, value] as const),
    ];
  }

  private scope(points: ContainerPoints): void {
    const { out } = this;
    out.message(SCOPE_METRICS.scope, () => {
      out.string(SCOPE.name, 'tallyman');
      out.string(SCOPE.version, this.version);
    });
    for (const metric of this.planOf(points.cursor.layout)) this.metric(metric, points);
    this.single('container.cpu.usage', '{cpu}', 'CPUs in use since the sample before.', points.cpuUsage, points);
    this.single('container.uptime', 's', 'Time for which the container has been running.', points.uptime, points);
  }

  private planOf(layout: Layout): readonly PlannedMetric[] {
    let plan = this.plans.get(layout);
    if (plan === undefined) {
      plan = planMetrics(layout, this.options.fields === 'all');
      this.plans.set(layout, plan);
    }
    return plan;
  }

  private metric(metric: PlannedMetric, points: ContainerPoints): void {
    const { values, base } = points.cursor;
    const isPresent = ({ column, minus }: PlannedPoint) =>
      !Number.isNaN(values[base + column]!) && (minus < 0 || !Number.isNaN(values[base + minus]!));
    const present = metric.points.filter(isPresent);
    if (present.length === 0) return;
    this.head(metric, () => {
      for (const point of present) {
        this.out.message(SUM.dataPoints, () => this.point(point, metric.shape, points));
      }
    });
  }

  private head(metric: Pick<PlannedMetric, 'name' | 'unit' | 'description' | 'shape'>, write: () => void): void {
    const { out } = this;
    out.message(SCOPE_METRICS.metrics, () => {
      out.string(METRIC.name, metric.name);
      out.string(METRIC.description, metric.description);
      out.string(METRIC.unit, metric.unit);
      out.message(metric.shape === 'gauge' ? METRIC.gauge : METRIC.sum, () => {
        write();
        if (metric.shape === 'gauge') return;
        out.enumeration(SUM.temporality, CUMULATIVE);
        out.boolean(SUM.isMonotonic, metric.shape === 'counter');
      });
    });
  }

  private point({ column, minus, divisor, attributes }: PlannedPoint, shape: Shape, points: ContainerPoints): void {
    const { out } = this;
    const { values, residuals, base, time } = points.cursor;
    if (shape !== 'gauge') out.time(POINT.start, points.start);
    out.time(POINT.time, time);
    const value = values[base + column]! - (minus < 0 ? 0 : values[base + minus]!);
    const residual = minus < 0 ? (residuals?.[base + column] ?? 0) : 0;
    if (divisor === 1 && Number.isInteger(value) && value < 2 ** 63) out.fixed64(POINT.asInt, value, residual);
    else out.double(POINT.asDouble, value / divisor);
    for (const [key, text] of attributes) out.attribute(POINT.attributes, key, text);
    this.points++;
  }

  /** A gauge of one double. */
  private single(name: string, unit: string, description: string, value: number, { cursor }: ContainerPoints): void {
    if (!Number.isFinite(value)) return;
    const { out } = this;
    this.head({ name, unit, description, shape: 'gauge' }, () => {
      out.message(SUM.dataPoints, () => {
        out.time(POINT.time, cursor.time);
        out.double(POINT.asDouble, value);
      });
    });
    this.points++;
  }
}

import type { Column, FieldDescriptor, Layout, Unit } from '../../../kernel/contracts/index.js';

/** `sum`: counts that only grow, or amounts that add up over containers; `gauge`: anything else. */
export type Shape = 'counter' | 'upDownCounter' | 'gauge';

/** A metric of OpenTelemetry. */
export interface MetricName {
  readonly name: string;
  readonly unit: string;
  readonly shape: Shape;
  readonly description: string;
}

/** One data point that every sample of a layout gives. */
export interface PlannedPoint {
  readonly column: number;
  /** Column that is taken off the number; −1: none. */
  readonly minus: number;
  /** What the number is divided by; above 1 it is sent as a double. */
  readonly divisor: number;
  readonly attributes: readonly (readonly [key: string, value: string])[];
}

/** A metric with its data points. */
export interface PlannedMetric extends MetricName {
  readonly points: readonly PlannedPoint[];
}

/** How a field of Tallyman becomes a metric of the semantic conventions for containers. */
interface Rule {
  readonly field: string;
  readonly name: string;
  readonly shape: Shape;
  readonly unit: string;
  /** Attributes that are always the same. */
  readonly fixed?: Readonly<Record<string, string>>;
  /** Attribute → dimension of the field. */
  readonly taken?: Readonly<Record<string, string>>;
  /** Only columns whose dimension has this value. */
  readonly where?: readonly [dimension: string, value: string];
  /** A field that is taken off. */
  readonly minus?: string;
  /** Left out when the layout has this field. */
  readonly unless?: string;
}

const SCHEMA = 'https://opentelemetry.io/schemas/1.37.0';

export { SCHEMA as SCHEMA_URL };

const cpu = (field: string, mode: string): Rule => ({
  field: `cpu.usage.${field}`,
  name: 'container.cpu.time',
  shape: 'counter',
  unit: 's',
  fixed: { 'cpu.mode': mode },
});
const bytes = (field: string, name: string): Rule => ({ field, name, shape: 'upDownCounter', unit: 'By' });
const faults = (field: string, type: string, minus?: string): Rule => ({
  field: `memory.hierarchical.${field}`,
  name: 'container.memory.paging.faults',
  shape: 'counter',
  unit: '{fault}',
  fixed: { 'system.paging.fault.type': type },
  ...(minus !== undefined && { minus: `memory.hierarchical.${minus}` }),
});
const disk = (operation: string, direction: string): Rule => ({
  field: 'diskio.io_service_bytes',
  name: 'container.disk.io',
  shape: 'counter',
  unit: 'By',
  where: ['operation', operation],
  fixed: { 'disk.io.direction': direction },
  taken: { 'system.device': 'device' },
});
const network = (field: string, direction: string): Rule => ({
  field: `network.${field}`,
  name: 'container.network.io',
  shape: 'counter',
  unit: 'By',
  fixed: { 'network.io.direction': direction },
  taken: { 'network.interface.name': 'interface' },
});
const filesystem = (name: string): Rule => ({
  ...bytes(`filesystem.${name}`, `container.filesystem.${name}`),
  taken: { 'system.device': 'device' },
});

const RULES: readonly Rule[] = [
  cpu('user', 'user'),
  cpu('system', 'system'),
  { field: 'cpu.usage.total', name: 'container.cpu.time', shape: 'counter', unit: 's', unless: 'cpu.usage.user' },
  bytes('memory.usage', 'container.memory.usage'),
  bytes('memory.working_set', 'container.memory.working_set'),
  bytes('memory.rss', 'container.memory.rss'),
  faults('pgmajfault', 'major'),
  faults('pgfault', 'minor', 'pgmajfault'),
  disk('Read', 'read'),
  disk('Write', 'write'),
  network('rx_bytes', 'receive'),
  network('tx_bytes', 'transmit'),
  filesystem('available'),
  filesystem('capacity'),
  filesystem('usage'),
];

const DIVISORS: Partial<Record<Unit, number>> = {
  nanoseconds: 1e9,
  microseconds: 1e6,
  milliseconds: 1e3,
  percent: 100,
};
/** Units in the UCUM code that OpenTelemetry asks for. */
const UNITS: Record<Unit, string> = {
  bytes: 'By',
  nanoseconds: 's',
  microseconds: 's',
  milliseconds: 's',
  count: '1',
  packets: '{packet}',
  operations: '{operation}',
  sectors: '{sector}',
  pages: '{page}',
  tasks: '{task}',
  percent: '1',
};

/**
 * Decides once per layout which column becomes which data point.
 * @param all whether fields that OpenTelemetry has no name for are sent as well, as `container.<field>`
 */
export function planMetrics(layout: Layout, all: boolean): readonly PlannedMetric[] {
  const metrics = new Map<string, MetricName & { points: PlannedPoint[] }>();
  const add = (metric: MetricName, point: PlannedPoint): void => {
    const known = metrics.get(metric.name);
    if (known === undefined) metrics.set(metric.name, { ...metric, points: [point] });
    else known.points.push(point);
  };
  for (const [index, column] of layout.columns.entries()) {
    const rules = RULES.filter(({ field }) => field === column.field.name);
    for (const rule of rules) addByRule(rule, column, index, layout, add);
    if (rules.length === 0 && all) add(genericMetric(column.field), pointOf(column, index, dimensionsOf(column)));
  }
  return [...metrics.values()];
}

type Add = (metric: MetricName, point: PlannedPoint) => void;

function addByRule(rule: Rule, column: Column, index: number, layout: Layout, add: Add): void {
  if (rule.unless !== undefined && layout.indexOf(rule.unless) >= 0) return;
  const dimensions = new Map(dimensionsOf(column));
  if (rule.where !== undefined && dimensions.get(rule.where[0]) !== rule.where[1]) return;
  const taken = Object.entries(rule.taken ?? {}).map(([key, name]) => [key, dimensions.get(name) ?? ''] as const);
  const attributes = [...Object.entries(rule.fixed ?? {}), ...taken];
  const minus = rule.minus === undefined ? -1 : layout.indexOf(rule.minus);
  const { name, shape, unit } = rule;
  add({ name, shape, unit, description: column.field.help }, { ...pointOf(column, index, attributes), minus });
}

function pointOf({ field }: Column, column: number, attributes: PlannedPoint['attributes']): PlannedPoint {
  return { column, minus: -1, divisor: DIVISORS[field.unit] ?? 1, attributes };
}

function genericMetric({ name, unit, kind, help }: FieldDescriptor): MetricName {
  const shape = kind === 'counter' ? 'counter' : 'gauge';
  return { name: `container.${name.toLowerCase()}`, unit: UNITS[unit], shape, description: help };
}

function dimensionsOf({ field, labels = [] }: Column): (readonly [string, string])[] {
  return (field.dimensions ?? []).map((dimension, i) => [dimension, labels[i] ?? ''] as const);
}

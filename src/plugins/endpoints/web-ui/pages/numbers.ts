import type {
  AppMetricsSnapshot,
  AppSeries,
  ContainerAppMetrics,
  ContainerView,
  ProvidedField,
  SampleCursor,
} from '../../../../kernel/contracts/index.js';
import { type Html, html } from '../shared/html.js';
import type { PageRequest } from './page-request.js';
import { countedHeading, labelsOf, tableSection, timeOf } from './tables.js';

/** So many series are shown, the first by name. */
const SERIES = 200;

/** What the application in a container says of itself. @param now µs since the epoch */
export function appMetricsSection(metrics: ContainerAppMetrics | undefined, now: number): Html | undefined {
  const snapshots = metrics?.at(now) ?? [];
  const all = snapshots.reduce((sum, { series }) => sum + series.length, 0);
  const units = new Map(metrics?.specs.map((spec) => [spec.name, spec.units]));
  const rows: Html[] = [];
  for (const snapshot of snapshots) {
    for (const [index, series] of snapshot.series.entries()) {
      if (rows.length === SERIES) break;
      rows.push(seriesRow(series, valueText(snapshot, index), units.get(series.name) ?? '', snapshot.time));
    }
  }
  const heading = countedHeading('Application metrics', all, rows.length, `first ${rows.length}`);
  return tableSection('app-metrics', heading, ['Metric', 'Labels', 'Value', 'Collected'], rows);
}

function seriesRow({ name, labels }: AppSeries, value: string, unit: string, time: number): Html {
  return html`<tr><th scope="row">${name}</th><td>${labelsOf(labels)}</td><td class="number">${value} ${unit}</td><td>${timeOf(time)}</td></tr>
`;
}

/** The exact number. */
function valueText({ series, values, residuals }: AppMetricsSnapshot, index: number): string {
  const value = values[index]!;
  if (series[index]!.format === 'float' || !Number.isFinite(value)) return String(value);
  return (BigInt(value) + BigInt(residuals?.[index] ?? 0)).toString();
}

/** So many values are shown. */
const VALUES = 200;

/** The newest values of the fields of metric sources that did not come with the agent. */
export function fieldsSection(container: ContainerView, { agent }: PageRequest): Html | undefined {
  const fields = new Map(agent.fields().map((field) => [field.name, field]));
  const window = container.samples({ count: 1 });
  const rows = window.length === 0 ? [] : rowsOf(window.at(0, {} as SampleCursor), fields);
  const heading = countedHeading('Numbers of other plugins', rows.length, VALUES, `first ${VALUES}`);
  return tableSection('fields', heading, ['Field', 'Labels', 'Value', 'Plugin'], rows.slice(0, VALUES));
}

function rowsOf({ layout, values, residuals, base }: SampleCursor, fields: ReadonlyMap<string, ProvidedField>): Html[] {
  return layout.columns.flatMap(({ field: { name, unit, help, dimensions = [] }, labels = [] }, column) => {
    const value = values[base + column]!;
    const field = fields.get(name);
    if (field === undefined || field.isBuiltin || Number.isNaN(value)) return [];
    const text = Number.isInteger(value) ? BigInt(value) + BigInt(residuals?.[base + column] ?? 0) : value;
    const pairs = Object.fromEntries(dimensions.map((dimension, index) => [dimension, labels[index] ?? '']));
    return html`<tr><th scope="row" title="${help}">${name}</th><td>${labelsOf(pairs)}</td><td class="number">${text}${unit === 'count' ? '' : ` ${unit}`}</td><td>${field.plugin}</td></tr>
`;
  });
}

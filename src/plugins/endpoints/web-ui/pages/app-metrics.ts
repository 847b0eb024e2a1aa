import type { AppMetricsSnapshot, AppSeries, ContainerAppMetrics } from '../../../../kernel/contracts/index.js';
import { type Html, html } from '../shared/html.js';
import { labelsOf, tableSection } from './tables.js';
import { timeOf } from './times.js';

/** So many series are shown, the first by name. */
const SERIES = 200;

/** What the application in a container says of itself. @param now µs since the epoch */
export function appMetricsSection(metrics: ContainerAppMetrics | undefined, now: number): Html | undefined {
  const snapshots = metrics?.at(now) ?? [];
  const all = snapshots.reduce((sum, { series }) => sum + series.length, 0);
  if (all === 0) return undefined;
  const units = new Map(metrics!.specs.map((spec) => [spec.name, spec.units]));
  const rows: Html[] = [];
  for (const snapshot of snapshots) {
    for (const [index, series] of snapshot.series.entries()) {
      if (rows.length === SERIES) break;
      rows.push(seriesRow(series, valueText(snapshot, index), units.get(series.name) ?? '', snapshot.time));
    }
  }
  const cut = rows.length < all && html` (the first ${rows.length})`;
  const heading = html`Application metrics <small>${all}</small>${cut}`;
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

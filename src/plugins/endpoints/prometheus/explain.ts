import { printable } from '../../../kernel/contracts/index.js';
import type { Family } from './families.js';

const CONTAINERS_SHOWN = 20;

/** What an answer consists of, so that its size is known before it is stored. */
export type Explanation = ReturnType<Explainer['result']>;

interface LabelUse {
  readonly values: Set<string>;
  series: number;
}

/** Counts an answer by reading it as a client does. */
export class Explainer {
  private readonly metrics: { name: string; type: string; series: number; bytes: number }[] = [];
  private readonly labels = new Map<string, LabelUse>();
  private readonly containers = new Map<string, { id: string; name: string; series: number }>();

  /** Takes in the lines of one family, header excluded. */
  add(family: Family, lines: string): void {
    const { name, type } = family;
    let series = 0;
    for (const line of lines.split('\n')) {
      if (line === '') continue;
      series++;
      this.countLabels(labelsOf(line));
    }
    this.metrics.push({ name, type, series, bytes: Buffer.byteLength(lines) });
  }

  /** @param cut series that were left out because of `maxSeries` */
  result(cut: number) {
    const metrics = this.metrics.sort((a, b) => b.series - a.series || b.bytes - a.bytes);
    const labels = [...this.labels].map(([name, use]) => ({ name, values: use.values.size, series: use.series }));
    return {
      series: metrics.reduce((sum, metric) => sum + metric.series, 0),
      bytes: metrics.reduce((sum, metric) => sum + metric.bytes, 0),
      cut,
      metrics,
      labels: labels.sort((a, b) => b.values - a.values || b.series - a.series),
      containers: [...this.containers.values()].sort((a, b) => b.series - a.series).slice(0, CONTAINERS_SHOWN),
    };
  }

  private countLabels(labels: ReadonlyMap<string, string>): void {
    for (const [name, value] of labels) {
      if (value === '') continue;
      const use = this.labels.get(name) ?? { values: new Set<string>(), series: 0 };
      use.values.add(value);
      use.series++;
      this.labels.set(name, use);
    }
    const id = labels.get('id');
    if (id === undefined) return;
    const container = this.containers.get(id) ?? { id, name: labels.get('name') ?? '', series: 0 };
    container.series++;
    this.containers.set(id, container);
  }
}

export function explanationText(explained: Explanation, path: string): string {
  const { series, bytes, cut, metrics, labels, containers } = explained;
  const cutNote = cut > 0 ? `, and ${count(cut)} cut by maxSeries` : '';
  return printable(
    [
      `${path} holds ${count(series)} series in ${count(metrics.length)} metrics, ${count(bytes)} bytes${cutNote}.\n`,
      table(
        ['series', 'bytes', 'metric'],
        metrics.map((metric) => [count(metric.series), count(metric.bytes), `${metric.name} (${metric.type})`]),
      ),
      table(
        ['values', 'series', 'label'],
        labels.map((label) => [count(label.values), count(label.series), label.name]),
      ),
      table(
        ['series', `container (the ${CONTAINERS_SHOWN} largest)`],
        containers.map(({ id, name, series }) => [count(series), name === '' ? id : `${id} (${name})`]),
      ),
    ].join('\n'),
  );
}

function labelsOf(line: string): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  const start = line.indexOf('{');
  if (start < 0) return labels;
  const pair = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)",?/y;
  pair.lastIndex = start + 1;
  for (let match = pair.exec(line); match !== null; match = pair.exec(line)) labels.set(match[1]!, match[2]!);
  return labels;
}

/** Columns of numbers, right-aligned, and a last one of text. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const last = head.length - 1;
  return all
    .map((row) => `${row.map((cell, i) => (i === last ? cell : cell.padStart(widths[i]!))).join('  ')}\n`)
    .join('');
}

function count(value: number): string {
  return value.toLocaleString('en');
}

import type { Capsule } from '../../kernel/capsules/index.js';
import { type Column, type SampleCursor, type SampleWindow, TallymanError } from '../../kernel/contracts/index.js';
import type { CliEnvironment } from '../environment.js';
import { readCapsule } from './replay.js';

export interface ExportFlags {
  readonly csv?: boolean;
  readonly openmetrics?: boolean;
}

/** One number of a capsule. */
interface Value {
  readonly column: Column;
  /** µs since the epoch */
  readonly time: number;
  /** Exact, as text. */
  readonly text: string;
}

export async function exportCapsule(cli: CliEnvironment, flags: ExportFlags, file: string): Promise<void> {
  if ((flags.csv === true) === (flags.openmetrics === true)) {
    throw new TallymanError('one format is needed', { hint: '--csv or --openmetrics' });
  }
  const capsule = await readCapsule(file, cli);
  for (const text of flags.csv === true ? csv(capsule) : openMetrics(capsule)) cli.out(text);
}

function* valuesOf(window: SampleWindow): Generator<Value> {
  const cursor = {} as SampleCursor;
  for (let i = 0; i < window.length; i++) {
    const { layout, time, values, residuals, base } = window.at(i, cursor);
    for (const [index, column] of layout.columns.entries()) {
      const value = values[base + index]!;
      const residual = residuals?.[base + index] ?? 0;
      if (Number.isNaN(value)) continue;
      yield { column, time, text: residual === 0 ? String(value) : String(BigInt(value) + BigInt(residual)) };
    }
  }
}

type Scope = readonly [name: string, label: string, SampleWindow];

/** The samples of the container, then those of the machine. */
function scopesOf({ info, samples, rootSamples }: Capsule): readonly Scope[] {
  const own = [info.container, info.label, samples.window()] as const;
  return info.container === '/' ? [own] : [own, ['/', '/', rootSamples.window()]];
}

function* csv(capsule: Capsule): Generator<string> {
  yield 'time,container,metric,unit,labels,value\n';
  for (const [name, , window] of scopesOf(capsule)) {
    for (const { column, time, text } of valuesOf(window)) {
      const labels = labelsOf(column)
        .map(([label, value]) => `${label}=${value}`)
        .join(' ');
      const cells = [new Date(time / 1000).toISOString(), name, column.field.name, column.field.unit, labels, text];
      yield `${cells.map(cell).join(',')}\n`;
    }
  }
}

/** Quoted where it must be. A text that a spreadsheet would take for a formula begins with an apostrophe. */
function cell(text: string): string {
  const safe = /^[=+@]|^-(?!\d)/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function labelsOf({ field, labels = [] }: Column): [name: string, value: string][] {
  return (field.dimensions ?? []).map((name, i) => [name, labels[i] ?? '']);
}

/** OpenMetrics with timestamps, as `promtool tsdb create-blocks-from openmetrics` takes it. */
function* openMetrics(capsule: Capsule): Generator<string> {
  const families = new Map<string, { readonly head: string; readonly series: Map<string, string[]> }>();
  for (const [name, label, window] of scopesOf(capsule)) {
    for (const { column, time, text } of valuesOf(window)) {
      const { field } = column;
      // The suffix of counters is not part of the name of a family.
      const metric = `tallyman_${field.name.replace(/[^A-Za-z0-9]+/g, '_')}`.replace(/_total$/, '');
      if (!families.has(metric)) {
        const head = `# TYPE ${metric} ${field.kind}\n# HELP ${metric} ${escaped(field.help)}\n`;
        families.set(metric, { head, series: new Map() });
      }
      const labels = [['id', name], ['name', label], ...labelsOf(column)]
        .map(([key, value]) => `${key}="${escaped(value!)}"`)
        .join(',');
      const series = `${metric}${field.kind === 'counter' ? '_total' : ''}{${labels}}`;
      const line = `${series} ${text} ${(time / 1e6).toFixed(6)}\n`;
      const { series: all } = families.get(metric)!;
      const known = all.get(series);
      if (known === undefined) all.set(series, [line]);
      else known.push(line);
    }
  }
  // Samples of one series have to stand together.
  for (const { head, series } of families.values()) yield head + [...series.values()].flat().join('');
  yield '# EOF\n';
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

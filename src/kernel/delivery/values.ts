import {
  type AgentView,
  type AppMetricsSnapshot,
  type AppSeries,
  agentMetrics,
  appLabels,
  appMetricName,
  appSpecOf,
  type Column,
  type ContainerDescription,
  type ContainerView,
  type ExportContainer,
  type Label,
  type Layout,
  type MetricFamily,
  type MetricType,
  machineMetrics,
  type PlannedSeries,
  type PutSeries,
  type SampleCursor,
} from '../contracts/index.js';
import { ResolvedRow } from './resolution.js';

/** Gives families by name, as the options of a sink select and rename them. */
export type FamilyOf = (name: string, type: MetricType, help: string) => MetricFamily | undefined;

/** A source of samples that is not a container: the applications of one, the machine, the agent. */
export class ValuesSubject implements ExportContainer {
  /** Time of the newest sample that was taken over, µs; 0: none. */
  takenAt = 0;
  /** The newest row, for rates. */
  readonly row = new ResolvedRow();

  constructor(
    readonly kind: 'application' | 'machine' | 'agent',
    readonly name: string,
    readonly view: ContainerView,
    readonly description: ContainerDescription,
    public labels: readonly Label[],
    readonly lane: number,
    /** What is new of it at a time, µs; undefined: nothing. */
    readonly next: (nowUs: number) => ValuesSample | undefined,
  ) {}
}

/** Series with their values. */
export interface ValuesSample {
  /** The same array as long as the series are the same. */
  readonly series: readonly PlannedSeries[];
  readonly cursor: SampleCursor;
}

interface ValuesPlan {
  readonly series: readonly PlannedSeries[];
  readonly layout: Layout;
}

interface PlannedValue {
  readonly family: MetricFamily;
  readonly kind: 'counter' | 'gauge';
  readonly labels: readonly Label[];
  readonly column: number;
}

/** @param count columns, of which those of `planned` are series */
function planOf(planned: readonly PlannedValue[], count: number): ValuesPlan {
  const kinds = new Map(planned.map(({ column, kind }) => [column, kind]));
  const columns = Array.from({ length: count }, (_, column): Column => {
    const kind = kinds.get(column) ?? 'gauge';
    return { field: { name: '', unit: 'count', kind, help: '', source: { any: 'none' } } };
  });
  const series = planned.map(
    ({ family, labels, column }): PlannedSeries => ({ family, column, minus: -1, labels, divisor: 1, only: undefined }),
  );
  // These columns are not fields, so a lookup by field name finds nothing.
  return { series, layout: { columns, indexOf: () => -1, indexesOf: () => [] } };
}

/** The machine or the agent, as `/metrics` has it. @param root the view of the root container */
export function hostSubject(
  kind: 'machine' | 'agent',
  agent: AgentView,
  root: ContainerView,
  labels: readonly Label[],
  familyOf: FamilyOf,
): ValuesSubject {
  let key = '';
  let plan: ValuesPlan | undefined;
  const next = (time: number): ValuesSample | undefined => {
    const values: number[] = [];
    const keys: string[] = [];
    const planned: PlannedValue[] = [];
    const put: PutSeries = (name, type, help, value, own = {}) => {
      const family = familyOf(name, type, help);
      if (family === undefined) return;
      const pairs = Object.entries(own).sort(([a], [b]) => (a < b ? -1 : 1));
      keys.push(`${name} ${JSON.stringify(pairs)}`);
      const column = values.push(value) - 1;
      planned.push({ family, kind: type === 'counter' ? type : 'gauge', labels: pairs, column });
    };
    if (kind === 'agent') agentMetrics(put, agent);
    else machineMetrics(put, agent, { machineLabels: true, cpuTopology: false });
    if (values.length === 0) return undefined;
    // The series are the same most of the time.
    if (plan === undefined || key !== keys.join('\n')) {
      key = keys.join('\n');
      // Outputs expect the series of a family one after the other.
      planned.sort((a, b) => a.family.index - b.family.index);
      plan = planOf(planned, values.length);
    }
    const { series, layout } = plan;
    return { series, cursor: { layout, time, values: Float64Array.from(values), residuals: undefined, base: 0 } };
  };
  return new ValuesSubject(kind, '', root, root.description, labels, 0, next);
}

/** The metrics of the applications in one container: a subject for each target that gives any. */
export class Applications {
  private known: readonly (readonly AppSeries[])[] = [];
  private plans: readonly ValuesPlan[] = [];
  private subjects: ValuesSubject[] = [];

  constructor(
    private readonly container: ExportContainer & { readonly lane: number },
    private readonly familyOf: FamilyOf,
  ) {}

  /** Those that have values at a time. @returns the same objects as long as they do */
  current(nowUs: number): readonly ValuesSubject[] {
    const { view, labels } = this.container;
    const snapshots = view.appMetrics?.at(nowUs) ?? [];
    this.prepare(snapshots);
    this.subjects.length = Math.min(this.subjects.length, snapshots.length);
    for (const index of snapshots.keys()) {
      this.subjects[index] ??= this.subjectAt(index);
      this.subjects[index].labels = labels;
    }
    return [...this.subjects];
  }

  private subjectAt(index: number): ValuesSubject {
    const { name, view, description, labels, lane } = this.container;
    return new ValuesSubject('application', name, view, description, labels, lane, (nowUs) => {
      const snapshot = view.appMetrics?.at(nowUs)[index];
      const plan = this.plans[index];
      // A collection may have ended since the plans were made.
      if (snapshot === undefined || plan === undefined || snapshot.series !== this.known[index]) return undefined;
      const { time, values, residuals } = snapshot;
      return { series: plan.series, cursor: { layout: plan.layout, time, values, residuals, base: 0 } };
    });
  }

  /** Where targets have the same series, the first target wins. */
  private prepare(snapshots: readonly AppMetricsSnapshot[]): void {
    const isKnown =
      snapshots.length === this.known.length && snapshots.every(({ series }, i) => series === this.known[i]);
    if (isKnown) return;
    this.known = snapshots.map(({ series }) => series);
    const specs = new Map(this.container.view.appMetrics?.specs.map((spec) => [spec.name, spec]));
    const seen = new Set<string>();
    const families = new Map<string, MetricFamily | undefined>();
    this.plans = this.known.map((all) =>
      planOf(
        all.flatMap((one, column) => {
          const name = appMetricName(one.name);
          if (name === undefined) return [];
          const { type, help = 'Metric of an application in a container.' } = appSpecOf(one, specs);
          const kind = type === 'cumulative' ? 'counter' : 'gauge';
          if (!families.has(name)) families.set(name, this.familyOf(name, kind, help));
          const family = families.get(name);
          const labels = appLabels(one);
          const key = `${name} ${JSON.stringify(labels)}`;
          if (family === undefined || seen.has(key)) return [];
          seen.add(key);
          return [{ family, kind, labels, column }];
        }),
        all.length,
      ),
    );
  }
}

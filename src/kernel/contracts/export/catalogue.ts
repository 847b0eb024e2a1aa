import type { Layout } from '../fields.js';

/** What a family is. `upDownCounter`: amounts that add up over containers; only OpenTelemetry distinguishes them from gauges. */
export type MetricType = 'counter' | 'gauge' | 'upDownCounter' | 'histogram' | 'summary';

/** The type of a family that is filled from samples. */
export type FamilyType = 'counter' | 'gauge' | 'upDownCounter';

/** A label of a series. */
export type Label = readonly [name: string, value: string];

/** What an output knows of a metric family. */
export interface MetricFamily {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  /** As OpenTelemetry writes units (`By`, `s`, `{packet}`); absent where the name says it. */
  readonly unit?: string | undefined;
  /** Place among the families of this output: 0, 1, … in the order in which they were first needed. */
  readonly index: number;
}

/** Gives the families of one output by name, each once. */
export interface Families<F extends MetricFamily> {
  /** The family of this name; its first type and help stay. @returns undefined when it is not wanted */
  take(name: string, type: MetricType, help: string, unit?: string): F | undefined;
}

/** How columns of one field become series of a family. */
export interface Feed {
  /** Name of the field, or its beginning and `*`: every field with that prefix, distinguished by `rest`. */
  readonly field: string;
  /** Series label → dimension of the field that gives its value. Absent: every dimension under its own name. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Labels with a fixed value. */
  readonly fixed?: Readonly<Record<string, string>>;
  /** For `word.*`: the label that takes the rest of the field's name, in lower case. */
  readonly rest?: string;
  /** Only columns whose dimension has this value. */
  readonly where?: Readonly<Record<string, string>>;
  /** How the value of a dimension is printed. */
  readonly print?: (value: string) => string;
  /** Not used when the container's layout has this field. */
  readonly unless?: string;
  /** Only while this holds: the container has a CPU quota; the number is not 0. */
  readonly only?: 'quota' | 'nonZero';
  /** A field without dimensions that is subtracted. */
  readonly minus?: string;
}

/** A metric family that is filled from samples. */
export interface SampledFamily {
  readonly name: string;
  readonly type: FamilyType;
  /** Absent: the help of the field that feeds it. */
  readonly help?: string;
  readonly unit?: string;
  /** In order of preference: of several that give the same series the first one is used. */
  readonly feeds: readonly Feed[];
}

/** A feed with its family; the rank is its place in the family's order of preference. */
export interface RankedFeed {
  readonly family: SampledFamily;
  readonly feed: Feed;
  readonly rank: number;
}

/** What a field without a name of its own becomes. */
export interface GenericFamily {
  readonly name: string;
  readonly type: FamilyType;
  readonly unit?: string;
  /** Label of a dimension. */
  readonly label: (dimension: string) => string;
}

/** How the numbers of containers are called in one world: cAdvisor's, or OpenTelemetry's. */
export class Naming {
  private readonly feeds = new Map<string, RankedFeed[]>();

  /** @param generic undefined for a field that is left out */
  constructor(
    readonly families: readonly SampledFamily[],
    readonly generic: (field: Layout['columns'][number]['field']) => GenericFamily | undefined,
  ) {
    for (const family of families) {
      for (const [rank, feed] of family.feeds.entries()) {
        this.feeds.set(feed.field, [...(this.feeds.get(feed.field) ?? []), { family, feed, rank }]);
      }
    }
  }

  /** The families that a field feeds; empty for a field that has no name here. */
  feedsOf(field: string): readonly RankedFeed[] {
    return this.feeds.get(field) ?? this.feeds.get(`${field.split('.', 1)[0]}.*`) ?? [];
  }
}

import {
  type AppMetricsSnapshot,
  type ContainerAppMetrics,
  type ContainerDescription,
  ContainerFacts,
  type ContainerView,
  type FactSeries,
  type OwnLabels,
  type SampleCursor,
} from '../../../kernel/contracts/index.js';
import type { Family, FamilyTable } from './families.js';
import type { LabelUnion } from './label-union.js';
import { labelPair } from './text.js';

/** Maximum number of shared texts: creation times differ and must not accumulate. */
const MAX_TEXTS = 5_000;

/** A line that changes only with the container's description or limits: the text after the container's labels. */
export interface FactLine {
  readonly family: Family;
  readonly line: Buffer;
}

/** What is kept of a container from scrape to scrape. */
export class ExportedContainer {
  /** What became of its own labels. */
  own: OwnLabels;
  readonly facts: ContainerFacts<Family>;
  /** Points at the newest sample while the container is being written. */
  readonly cursor = {} as SampleCursor;
  /** Whether there is such a sample. */
  isSampled = false;
  /** What its lines of facts, and those of its newest sample, are made of: counts on with each change. */
  factsRevision = 0;
  sampleRevision = 0;
  /** Metrics of its application, if anything collects them, and their values while the container is being written. */
  appMetrics: ContainerAppMetrics | undefined;
  appSnapshots: readonly AppMetricsSnapshot[] = [];
  /** Whether limits on its labels, or on the names of its application metrics, have been logged. */
  warnedOfLabels = false;
  warnedOfNames = false;
  private block = Buffer.alloc(0);
  private blockVersion = -1;
  private series: readonly FactSeries<Family>[] | undefined;
  private lines: readonly FactLine[] = [];

  constructor(
    readonly name: string,
    public description: ContainerDescription,
    private readonly union: LabelUnion,
    families: FamilyTable,
    private readonly texts: SharedTexts,
    /** Absent for a container that has ended. */
    readonly view?: ContainerView,
  ) {
    this.own = this.join();
    this.facts = new ContainerFacts(families, view);
  }

  /** Takes in a description; handlers replace descriptions as a whole. */
  update(description: ContainerDescription): void {
    if (description === this.description) return;
    this.leave();
    this.description = description;
    this.own = this.join();
    this.blockVersion = -1;
    this.facts.changed();
  }

  /** Its labels as they stand in every line about it; made again only when something changes. */
  get labels(): Buffer {
    const { version } = this.union;
    if (this.blockVersion !== version) {
      this.block = Buffer.from(this.union.textOf(this.name, this.description, this.own));
      this.blockVersion = version;
      this.factsRevision++;
      this.sampleRevision++;
    }
    return this.block;
  }

  /** Points the cursor at the newest sample. */
  readSample(): void {
    const { cursor, isSampled: wasSampled } = this;
    const { time, values } = cursor;
    const window = this.view?.samples({ count: 1 });
    this.isSampled = window !== undefined && window.length > 0;
    if (this.isSampled) window!.at(0, cursor);
    if (this.isSampled !== wasSampled || cursor.time !== time || cursor.values !== values) this.sampleRevision++;
  }

  factLines(): readonly FactLine[] {
    const series = this.facts.of(this.description);
    if (series !== this.series) {
      this.series = series;
      this.factsRevision++;
      // Whether a sample has times of a CPU limit depends on the limits.
      this.sampleRevision++;
      this.lines = series.map(({ family, label, value }) => ({
        family,
        line: this.texts.of(`${label === undefined ? '' : `,${labelPair(...label)}`}} ${value}`),
      }));
    }
    return this.lines;
  }

  /** Its labels count no more. */
  leave(): void {
    if (this.view !== undefined) this.union.change(this.own, -1);
  }

  /** Other containers' series may have the labels of one that lives, empty. */
  private join(): OwnLabels {
    const own = this.union.labelsOf(this.description);
    if (this.view !== undefined) this.union.change(own, 1);
    return own;
  }
}

/** Encoded texts, shared because most containers have the same limits. */
export class SharedTexts {
  private readonly texts = new Map<string, Buffer>();

  of(text: string): Buffer {
    let bytes = this.texts.get(text);
    if (bytes === undefined) {
      if (this.texts.size >= MAX_TEXTS) this.texts.clear();
      bytes = Buffer.from(text);
      this.texts.set(text, bytes);
    }
    return bytes;
  }
}

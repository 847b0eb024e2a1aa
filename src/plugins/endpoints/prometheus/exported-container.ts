import {
  type AppMetricsSnapshot,
  type ContainerAppMetrics,
  type ContainerDescription,
  ContainerFacts,
  type ContainerView,
  type FactSeries,
  type SampleCursor,
} from '../../../kernel/contracts/index.js';
import { ContainerText, type LabelUnion } from './container-text.js';
import type { Family, FamilyTable } from './families.js';
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
  readonly text: ContainerText;
  readonly facts: ContainerFacts<Family>;
  /** Points at the newest sample while the container is being written. */
  readonly cursor = {} as SampleCursor;
  /** Whether there is such a sample. */
  isSampled = false;
  /** Metrics of its application, if anything collects them, and their values while the container is being written. */
  appMetrics: ContainerAppMetrics | undefined;
  appSnapshots: readonly AppMetricsSnapshot[] = [];
  /** Whether limits on its labels, or on the names of its application metrics, have been logged. */
  warnedOfLabels = false;
  warnedOfNames = false;
  private series: readonly FactSeries<Family>[] | undefined;
  private lines: readonly FactLine[] = [];

  constructor(
    readonly name: string,
    description: ContainerDescription,
    union: LabelUnion,
    families: FamilyTable,
    private readonly texts: SharedTexts,
    /** Absent for a container that has ended. */
    readonly view?: ContainerView,
  ) {
    this.text = new ContainerText(name, description, union, view !== undefined);
    this.facts = new ContainerFacts(families, view);
  }

  update(description: ContainerDescription): void {
    if (this.text.update(description)) this.facts.changed();
  }

  factLines(): readonly FactLine[] {
    const series = this.facts.of(this.text.description);
    if (series !== this.series) {
      this.series = series;
      this.lines = series.map(({ family, label, value }) => ({
        family,
        line: this.texts.of(`${label === undefined ? '' : `,${labelPair(...label)}`}} ${value}`),
      }));
    }
    return this.lines;
  }

  leave(): void {
    this.text.leave();
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

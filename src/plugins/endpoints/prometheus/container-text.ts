import {
  type ContainerDescription,
  type LabelSelection,
  nameLabel,
  type OwnLabels,
  ownLabels,
} from '../../../kernel/contracts/index.js';
import type { PrometheusOptions } from './options.js';
import { labelPair } from './text.js';

export type LabelOptions = LabelSelection & Pick<PrometheusOptions, 'emptyLabels' | 'labelLimits'>;

/** A container's labels as they stand in every line about it; made once, and again only when something changes. */
export class ContainerText {
  /** What became of its own labels. */
  own: OwnLabels;
  private block = Buffer.alloc(0);
  private blockVersion = -1;

  /** @param lives whether other containers' series may have its labels, empty */
  constructor(
    readonly name: string,
    public description: ContainerDescription,
    private readonly union: LabelUnion,
    private readonly lives: boolean,
  ) {
    this.own = union.labelsOf(description);
    if (lives) union.join(this.own.values);
  }

  /** Takes in a description. @returns whether it is another; handlers replace descriptions as a whole */
  update(description: ContainerDescription): boolean {
    if (description === this.description) return false;
    this.leave();
    this.description = description;
    this.own = this.union.labelsOf(description);
    if (this.lives) this.union.join(this.own.values);
    this.blockVersion = -1;
    return true;
  }

  /** Its labels count no more. */
  leave(): void {
    if (this.lives) this.union.leave(this.own.values);
  }

  /** `id="…",image="…",name="…",…` */
  get labels(): Buffer {
    const { version } = this.union;
    if (this.blockVersion !== version) {
      this.block = Buffer.from(this.render());
      this.blockVersion = version;
    }
    return this.block;
  }

  private render(): string {
    const { values } = this.own;
    const base = this.union.identify(this.name, this.description);
    const pairs = this.union.namesFor(values).map((label) => labelPair(label, values.get(label) ?? ''));
    return [base, ...pairs, ...this.union.constantPairs].join(',');
  }
}

/** Gives the labels that say which container a series is about, as `id="…",…`. */
export type Identify = (name: string, description: ContainerDescription) => string;

/** `id`, `image` and `name`, as cAdvisor has them. */
const cadvisorLabels =
  (options: LabelOptions): Identify =>
  (id, description) => {
    const { image = '' } = description;
    return [labelPair('id', id), labelPair('image', image), labelPair('name', nameLabel(description, options))].join();
  };

/**
 * The names of the labels of all containers that live, for `emptyLabels`: each series then has all of them, empty where
 * its container lacks the label. Of too many the ones that most containers have are taken.
 */
export class LabelUnion {
  private readonly uses = new Map<string, number>();
  private padding: readonly string[] = [];
  private changed = false;
  private count = 0;

  /**
   * @param identify the labels that every series of a container begins with
   * @param constantPairs those that every series ends with, as `name="value"`
   */
  constructor(
    private readonly options: LabelOptions,
    readonly identify: Identify = cadvisorLabels(options),
    readonly constantPairs: readonly string[] = [],
  ) {}

  labelsOf(description: ContainerDescription): OwnLabels {
    return ownLabels(description, this.options);
  }

  /** Counts a container's labels in. */
  join(labels: ReadonlyMap<string, string>): void {
    if (!this.options.emptyLabels) return;
    for (const name of labels.keys()) this.uses.set(name, (this.uses.get(name) ?? 0) + 1);
    this.changed = true;
  }

  leave(labels: ReadonlyMap<string, string>): void {
    if (!this.options.emptyLabels) return;
    for (const name of labels.keys()) {
      const uses = this.uses.get(name)! - 1;
      if (uses > 0) this.uses.set(name, uses);
      else this.uses.delete(name);
    }
    this.changed = true;
  }

  /** Changes whenever the text of some container may have to. */
  get version(): number {
    if (this.changed) this.choose();
    return this.count;
  }

  /** The labels to print for a container that has these. */
  namesFor(own: ReadonlyMap<string, string>): readonly string[] {
    return [...new Set([...own.keys(), ...this.padding])].sort();
  }

  private choose(): void {
    this.changed = false;
    const padding = [...this.uses]
      .sort(([a, usesOfA], [b, usesOfB]) => usesOfB - usesOfA || (a < b ? -1 : 1))
      .slice(0, this.options.labelLimits.empty)
      .map(([name]) => name);
    if (padding.length === this.padding.length && padding.every((name) => this.padding.includes(name))) return;
    this.padding = padding;
    this.count++;
  }
}

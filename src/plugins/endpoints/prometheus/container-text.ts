import type { ContainerDescription } from '../../../kernel/contracts/index.js';
import { type LabelOptions, ownLabels } from './container-labels.js';
import { labelPair } from './text.js';

/** A container's labels as they stand in every line about it; made once, and again only when something changes. */
export class ContainerText {
  private own: ReadonlyMap<string, string>;
  private block = Buffer.alloc(0);
  private blockVersion = -1;

  constructor(
    readonly name: string,
    public description: ContainerDescription,
    private readonly union: LabelUnion,
  ) {
    this.own = union.join(description);
  }

  /** Takes in a description. @returns whether it is another; handlers replace descriptions as a whole */
  update(description: ContainerDescription): boolean {
    if (description === this.description) return false;
    this.leave();
    this.description = description;
    this.own = this.union.join(description);
    this.blockVersion = -1;
    return true;
  }

  /** Its labels count no more. */
  leave(): void {
    this.union.leave(this.own);
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
    const { image = '', aliases } = this.description;
    const base = `${labelPair('id', this.name)},${labelPair('image', image)},${labelPair('name', aliases[0] ?? '')}`;
    const pairs = this.union.namesFor(this.own).map((label) => labelPair(label, this.own.get(label) ?? ''));
    return [base, ...pairs].join(',');
  }
}

/** The names of all containers' labels: each series has all of them, empty where the container lacks the label. */
export class LabelUnion {
  /** Changes whenever the text of some container may have to. */
  version = 0;
  private readonly uses = new Map<string, number>();
  private sorted: readonly string[] | undefined;

  constructor(private readonly options: LabelOptions) {}

  /** Counts a container's labels in. @returns them */
  join(description: ContainerDescription): ReadonlyMap<string, string> {
    const labels = ownLabels(description, this.options);
    for (const name of labels.keys()) {
      const uses = this.uses.get(name) ?? 0;
      this.uses.set(name, uses + 1);
      if (uses === 0) this.changed();
    }
    return labels;
  }

  leave(labels: ReadonlyMap<string, string>): void {
    for (const name of labels.keys()) {
      const uses = this.uses.get(name)! - 1;
      if (uses > 0) {
        this.uses.set(name, uses);
        continue;
      }
      this.uses.delete(name);
      this.changed();
    }
  }

  /** The labels to print for a container that has these. */
  namesFor(own: ReadonlyMap<string, string>): readonly string[] {
    if (!this.options.emptyLabels) return [...own.keys()].sort();
    this.sorted ??= [...this.uses.keys()].sort();
    return this.sorted;
  }

  private changed(): void {
    this.sorted = undefined;
    if (this.options.emptyLabels) this.version++;
  }
}

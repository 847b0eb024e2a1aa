import {
  type ContainerDescription,
  type LabelSelection,
  nameLabel,
  type OwnLabels,
  ownLabels,
  type PlainLabels,
} from '../../../kernel/contracts/index.js';
import type { PrometheusOptions } from './options.js';
import { labelPair, labelPairs } from './text.js';

export type LabelOptions = LabelSelection & Pick<PrometheusOptions, 'emptyLabels' | 'labelLimits'>;

/** Gives the labels that say which container a series is about, as `id="…",…`. */
export type Identify = (name: string, description: ContainerDescription) => string;

/** `id`, `image` and `name`, as cAdvisor has them. */
const cadvisorLabels =
  (options: LabelOptions): Identify =>
  (id, description) =>
    labelPairs([
      ['id', id],
      ['image', description.image ?? ''],
      ['name', nameLabel(description, options)],
    ]);

/**
 * The names of the labels of all containers that live, for `emptyLabels`: each series then has all of them, empty where
 * its container lacks the label. Of too many the ones that most containers have are taken.
 */
export class LabelUnion {
  private readonly constantPairs: readonly string[];
  private readonly uses = new Map<string, number>();
  private padding: readonly string[] = [];
  private changed = false;
  private count = 0;

  /**
   * @param identify the labels that every series of a container begins with
   * @param constantLabels those that every series ends with
   */
  constructor(
    private readonly options: LabelOptions,
    private readonly identify: Identify = cadvisorLabels(options),
    constantLabels: PlainLabels = {},
  ) {
    this.constantPairs = Object.entries(constantLabels).map((pair) => labelPair(...pair));
  }

  labelsOf(description: ContainerDescription): OwnLabels {
    return ownLabels(description, this.options);
  }

  /** Counts the labels of a container in (1) or out (−1). */
  change({ values }: OwnLabels, by: 1 | -1): void {
    if (!this.options.emptyLabels) return;
    for (const name of values.keys()) {
      const uses = (this.uses.get(name) ?? 0) + by;
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

  /** The labels of every series of a container: `id="…",image="…",name="…",…`. */
  textOf(name: string, description: ContainerDescription, { values }: OwnLabels): string {
    const names = [...new Set([...values.keys(), ...this.padding])].sort();
    const pairs = names.map((label) => labelPair(label, values.get(label) ?? ''));
    return [this.identify(name, description), ...pairs, ...this.constantPairs].join(',');
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

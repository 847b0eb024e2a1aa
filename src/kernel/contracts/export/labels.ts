import type { ContainerDescription } from '../container.js';
import { groupingOf } from '../grouping.js';
import { sanitizeName } from './cadvisor-names.js';
import { type LabelSelection, passes } from './selection.js';

/** What a container's own labels and environment variables become in its series. */
export interface OwnLabels {
  readonly values: ReadonlyMap<string, string>;
  /** Labels that the limits left out. */
  readonly leftOut: number;
  /** Values that were cut. */
  readonly cut: number;
}

/** The label `name` of a container's series, as cAdvisor has it: to it a unit is a cgroup without a name. */
export function nameLabel(
  { kind, aliases }: ContainerDescription,
  { unitNames }: Pick<LabelSelection, 'unitNames'>,
): string {
  return kind === 'unit' && !unitNames ? '' : (aliases[0] ?? '');
}

/**
 * The labels that a container's own labels and environment variables become. Of two that are equal after sanitising or
 * renaming the one whose key sorts first wins, labels before variables. Whoever starts a container writes its labels, and
 * each of its series carries them all: they are limited.
 */
export function ownLabels(description: ContainerDescription, options: LabelSelection): OwnLabels {
  const { count, nameLength, valueLength, size } = options.labelLimits;
  const values = new Map<string, string>();
  let [bytes, leftOut, cut] = [0, 0, 0];
  const take = (prefix: string, source: Readonly<Record<string, string>>): void => {
    for (const key of Object.keys(source).sort()) {
      // A long key is not looked at any further: that would cost what the limit saves.
      const name = key.length > nameLength ? undefined : `${prefix}${sanitizeName(key)}`;
      if (name !== undefined && !passes([key, name], options.labelAllow, options.labelDeny)) continue;
      const shown = name && renamed(options.labelRename, key, name);
      if (shown !== undefined && values.has(shown)) continue;
      const value = shortened(source[key]!, valueLength);
      const added = shown === undefined ? 0 : shown.length + Buffer.byteLength(value);
      if (shown === undefined || values.size >= count || bytes + added > size) leftOut++;
      else {
        values.set(shown, value);
        bytes += added;
        if (value.length < source[key]!.length) cut++;
      }
    }
  };
  take('container_label_', description.labels);
  take('container_env_', description.envs);
  if (options.groupLabels) take('', groupingOf(description)?.labels ?? {});
  return { values, leftOut, cut };
}

/** Cuts no character in two. */
function shortened(value: string, length: number): string {
  if (value.length <= length) return value;
  return value.slice(0, length).replace(/[\ud800-\udbff]$/, '');
}

/** Own properties only: a label may be called `constructor`. */
function renamed(rename: Readonly<Record<string, string>>, key: string, name: string): string {
  if (Object.hasOwn(rename, key)) return rename[key]!;
  return Object.hasOwn(rename, name) ? rename[name]! : name;
}

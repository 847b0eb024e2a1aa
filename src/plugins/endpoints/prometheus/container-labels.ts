import type { ContainerDescription } from '../../../kernel/contracts/index.js';
import { type PrometheusOptions, passes } from './options.js';
import { sanitizeName } from './text.js';

export type LabelOptions = Pick<PrometheusOptions, 'labelAllow' | 'labelDeny' | 'labelRename' | 'emptyLabels'>;

/**
 * The labels that a container's own labels and environment variables become. Of two that are equal after sanitising or
 * renaming the one whose key sorts first wins, labels before variables.
 */
export function ownLabels(description: ContainerDescription, options: LabelOptions): ReadonlyMap<string, string> {
  const result = new Map<string, string>();
  const take = (prefix: string, source: Readonly<Record<string, string>>): void => {
    for (const key of Object.keys(source).sort()) {
      const name = `${prefix}${sanitizeName(key)}`;
      if (!passes([key, name], options.labelAllow, options.labelDeny)) continue;
      const shown = renamed(options.labelRename, key, name);
      if (!result.has(shown)) result.set(shown, source[key]!);
    }
  };
  take('container_label_', description.labels);
  take('container_env_', description.envs);
  return result;
}

/** Own properties only: a label may be called `constructor`. */
function renamed(rename: Readonly<Record<string, string>>, key: string, name: string): string {
  if (Object.hasOwn(rename, key)) return rename[key]!;
  return Object.hasOwn(rename, name) ? rename[name]! : name;
}

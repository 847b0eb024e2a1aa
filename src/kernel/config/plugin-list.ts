import type { Finding } from './issues.js';
import type { ConfigPath } from './problems.js';
import type { PluginEntryInput } from './schema.js';

/** A plugin instance of the effective list, as input of the entry schema. */
export interface ListedPlugin {
  readonly id: string;
  readonly input: PluginEntryInput;
  /** Where the file names it; `undefined` when it comes from the default list alone. */
  readonly origin: ConfigPath | undefined;
}

/** An entry of the file with its place, known to have the right shape. */
export interface FileEntry {
  readonly input: PluginEntryInput;
  readonly origin: ConfigPath;
}

/**
 * Changes the default list by the file's entries. What an entry does not say is taken from the default with the same
 * id, if that is the same plugin. Disabled entries are kept (with `enabled: false`) for the caller to judge.
 */
export function mergePlugins(
  defaults: readonly PluginEntryInput[],
  entries: readonly FileEntry[],
): { list: ListedPlugin[]; findings: Finding[] } {
  const list = new Map<string, ListedPlugin>();
  const findings: Finding[] = [];
  for (const input of defaults) {
    const id = input.id ?? input.use;
    list.set(id, { id, input, origin: undefined });
  }
  const explicit = new Set(entries.flatMap(({ input }) => input.id ?? []));
  const taken = new Set<string>();
  for (const { input, origin } of entries) {
    const id = input.id ?? freeId(input.use, (name) => taken.has(name) || explicit.has(name));
    if (taken.has(id)) {
      findings.push({ path: [...origin, 'id'], message: `${JSON.stringify(id)} is the id of an earlier entry` });
      continue;
    }
    taken.add(id);
    const base = list.get(id)?.input;
    list.set(id, { id, input: base?.use === input.use ? { ...base, ...input } : input, origin });
  }
  return { list: [...list.values()], findings };
}

function freeId(use: string, isTaken: (id: string) => boolean): string {
  if (!isTaken(use)) return use;
  for (let number = 2; ; number++) {
    const id = `${use}#${number}`;
    if (!isTaken(id)) return id;
  }
}

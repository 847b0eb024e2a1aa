import { isDeepStrictEqual } from 'node:util';

/** A configuration as one could write it in a file, every default said. */
export type EffectiveConfig = Readonly<Record<string, unknown>>;

const MISSING = Symbol('missing');
/** Names of options whose values are not for logs. */
const SECRET = /pass(word|phrase)?$|secret|token$|api_?key$|authorization|credential/i;
const LONGEST_VALUE = 60;

/**
 * What differs, in words: `+docker`, `-podman`, `housekeeping.interval 1s → 5s`, `prometheus: path /metrics → /m`. Empty
 * when nothing does.
 */
export function describeChanges(before: EffectiveConfig, after: EffectiveConfig): string[] {
  const { plugins: oldPlugins, ...oldSections } = before;
  const { plugins: newPlugins, ...newSections } = after;
  return [...pluginChanges(byId(oldPlugins), byId(newPlugins)), ...optionChanges('', oldSections, newSections)];
}

function pluginChanges(before: ReadonlyMap<string, unknown>, after: ReadonlyMap<string, unknown>): string[] {
  const added = [...after.keys()].filter((id) => !before.has(id)).map((id) => `+${id}`);
  const removed = [...before.keys()].filter((id) => !after.has(id)).map((id) => `-${id}`);
  const changed = [...after].flatMap(([id, entry]) => {
    const old = before.get(id);
    if (old === undefined || isDeepStrictEqual(old, entry)) return [];
    return optionChanges('', flatten(old), flatten(entry)).map((change) => `${id}: ${change}`);
  });
  const kept = (ids: ReadonlyMap<string, unknown>) => [...ids.keys()].filter((id) => before.has(id) && after.has(id));
  const moved = isDeepStrictEqual(kept(before), kept(after)) ? [] : ['order of plugins'];
  return [...added, ...removed, ...changed, ...moved];
}

/** A plugin's own options beside those of its entry: people write `interval`, and not where. */
function flatten(entry: unknown): Record<string, unknown> {
  const { with: options, id: _, ...rest } = entry as Record<string, unknown>;
  return { ...(options as Record<string, unknown>), ...rest };
}

function byId(plugins: unknown): Map<string, unknown> {
  const list = Array.isArray(plugins) ? plugins : [];
  return new Map(list.map((entry: { use: string; id?: string }) => [entry.id ?? entry.use, entry]));
}

function optionChanges(path: string, before: unknown, after: unknown): string[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (!isMapping(before) || !isMapping(after)) {
    return [`${path} ${SECRET.test(path) ? 'changed' : `${shown(before)} → ${shown(after)}`}`];
  }
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) => {
    const inner = path === '' ? name : `${path}.${name}`;
    return optionChanges(inner, member(before, name), member(after, name));
  });
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function member(mapping: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(mapping, name) ? mapping[name] : MISSING;
}

function shown(value: unknown): string {
  if (value === MISSING) return 'unset';
  if (isMapping(value) || (Array.isArray(value) && value.some(isMapping))) return 'other values';
  const text = typeof value === 'string' && value !== '' ? value : JSON.stringify(value);
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE - 1)}…` : text;
}

import { isDeepStrictEqual } from 'node:util';
import { type EffectiveConfig, isMapping, type LoadedConfig } from '../config/index.js';

type Described = Pick<LoadedConfig, 'effective' | 'shown'>;

/** A value, real and masked. */
interface Value {
  readonly real: unknown;
  readonly shown: unknown;
}

const MISSING = Symbol('missing');
const MAX_VALUE_LENGTH = 60;

/**
 * Describes the differences: `+docker`, `-podman`, `housekeeping.interval 1s → 5s`, `prometheus: path /metrics → /m`. Empty
 * when there are none.
 */
export function describeChanges(before: Described, after: Described): string[] {
  return [...pluginChanges(byId(before), byId(after)), ...optionChanges('', sectionsOf(before), sectionsOf(after))];
}

function sectionsOf({ effective, shown }: Described): Value {
  const { plugins: _, ...real } = effective;
  const { plugins: __, ...fit } = shown;
  return { real, shown: fit };
}

function pluginChanges(before: ReadonlyMap<string, Value>, after: ReadonlyMap<string, Value>): string[] {
  const added = [...after.keys()].filter((id) => !before.has(id)).map((id) => `+${id}`);
  const removed = [...before.keys()].filter((id) => !after.has(id)).map((id) => `-${id}`);
  const changed = [...after].flatMap(([id, entry]) => {
    const old = before.get(id);
    if (old === undefined || isDeepStrictEqual(old.real, entry.real)) return [];
    return optionChanges('', old, entry).map((change) => `${id}: ${change}`);
  });
  const kept = (ids: ReadonlyMap<string, unknown>) => [...ids.keys()].filter((id) => before.has(id) && after.has(id));
  const moved = isDeepStrictEqual(kept(before), kept(after)) ? [] : ['order of plugins'];
  return [...added, ...removed, ...changed, ...moved];
}

/** Merges a plugin's own options with those of its entry, so that paths are short: `interval`, not `with.interval`. */
function flatten({ with: options, id: _, ...rest }: EffectiveConfig['plugins'][number]): Record<string, unknown> {
  return { ...(options as Record<string, unknown>), ...rest };
}

function byId({ effective, shown }: Described): Map<string, Value> {
  return new Map(
    effective.plugins.map((entry, index) => [
      entry.id ?? entry.use,
      { real: flatten(entry), shown: flatten(shown.plugins[index]!) },
    ]),
  );
}

function optionChanges(path: string, before: Value, after: Value): string[] {
  if (isDeepStrictEqual(before.real, after.real)) return [];
  if (!isMapping(before.real) || !isMapping(after.real)) {
    const [old, now] = [inWords(before.shown), inWords(after.shown)];
    // Masked secrets look the same.
    return [`${path} ${old === now ? 'changed' : `${old} → ${now}`}`];
  }
  const names = new Set([...Object.keys(before.real), ...Object.keys(after.real)]);
  return [...names].flatMap((name) => {
    const inner = path === '' ? name : `${path}.${name}`;
    return optionChanges(inner, member(before, name), member(after, name));
  });
}

function member({ real, shown }: Value, name: string): Value {
  const of = (mapping: unknown) => (isMapping(mapping) && Object.hasOwn(mapping, name) ? mapping[name] : MISSING);
  return { real: of(real), shown: of(shown) };
}

function inWords(value: unknown): string {
  if (value === MISSING) return 'unset';
  if (isMapping(value) || (Array.isArray(value) && value.some(isMapping))) return 'other values';
  const text = typeof value === 'string' && value !== '' ? value : JSON.stringify(value);
  return text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH - 1)}…` : text;
}

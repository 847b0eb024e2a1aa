import { quoteJson } from '../../kernel/contracts/bytes/index.js';

/** Remembers what `make` makes of an object, as long as the object exists. */
export function remembering<K extends object, V>(make: (key: K) => V): (key: K) => V {
  const made = new WeakMap<K, V>();
  return (key) => {
    let value = made.get(key);
    if (value === undefined) {
      value = make(key);
      made.set(key, value);
    }
    return value;
  };
}

/** Compares UTF-8 bytes, the order of keys in Go's maps. */
export function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** JSON text of a map of strings with its keys sorted bytewise. */
export function sortedMap(map: Readonly<Record<string, string>>): string {
  const members = Object.keys(map)
    .sort(compareBytes)
    .map((key) => `${quoteJson(key)}:${quoteJson(map[key]!)}`);
  return `{${members.join(',')}}`;
}

export function stringList(values: readonly string[]): string {
  return `[${values.map(quoteJson).join(',')}]`;
}

/** Go prints empty lists as `null`. */
export function nullWhenEmpty<T>(list: readonly T[]): readonly T[] | null {
  return list.length === 0 ? null : list;
}

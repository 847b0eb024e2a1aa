import { isSeries, type Leaf } from './flatten.js';

/** One way in which two answers to a question are not the same. */
export interface Difference {
  /** `missing` and `extra` speak of the new agent's answer. */
  readonly kind: 'status' | 'missing' | 'extra' | 'type' | 'value';
  /** Where in the answer; empty for the answer as a whole. */
  readonly path: string;
  readonly old: string;
  readonly new: string;
}

/** What JSON calls it. */
export function typeOf(leaf: Leaf): string {
  if (leaf === null) return 'null';
  if (typeof leaf !== 'object') return typeof leaf;
  return isSeries(leaf) ? 'list' : leaf.empty;
}

/** As reports show it. */
export function textOf(leaf: Leaf): string {
  if (typeof leaf !== 'object' || leaf === null) return shorten(JSON.stringify(leaf));
  if (isSeries(leaf)) return `${leaf.samples.length} samples`;
  return leaf.empty === 'list' ? '[]' : '{}';
}

/** One line of at most 160 characters. */
export function shorten(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > 160 ? `${line.slice(0, 157)}...` : line;
}

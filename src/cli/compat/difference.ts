import { isSeries, type Leaf } from './flatten.js';

export interface Difference {
  /** `missing` and `extra` are about the new agent's answer. */
  readonly kind: 'status' | 'missing' | 'extra' | 'type' | 'value';
  /** Path in the answer; empty for the whole answer. */
  readonly path: string;
  readonly old: string;
  readonly new: string;
}

/** The JSON type of a leaf. */
export function typeOf(leaf: Leaf): string {
  if (leaf === null) return 'null';
  if (typeof leaf !== 'object') return typeof leaf;
  return isSeries(leaf) ? 'list' : leaf.empty;
}

/** A leaf as reports show it. */
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

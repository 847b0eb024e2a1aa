import type { Column } from '../../../kernel/contracts/index.js';

/** Whether two lists of columns say the same, so that a layout may stay. */
export function sameColumns(some: readonly Column[], others: readonly Column[]): boolean {
  return some.length === others.length && some.every((column, i) => sameColumn(column, others[i]!));
}

function sameColumn(one: Column, other: Column): boolean {
  return (
    one.field === other.field &&
    one.labels?.length === other.labels?.length &&
    (one.labels?.every((label, i) => label === other.labels?.[i]) ?? true) &&
    sameAttributes(one.attributes ?? {}, other.attributes ?? {})
  );
}

function sameAttributes(some: Readonly<Record<string, string>>, others: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(some);
  return keys.length === Object.keys(others).length && keys.every((key) => some[key] === others[key]);
}

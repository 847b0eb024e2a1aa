import { type LabelPattern, matchesLabels } from '../../../kernel/contracts/index.js';

/** Globs over names, images and labels; an empty list is no condition. */
export interface SelectionPatterns {
  readonly names: readonly RegExp[];
  readonly images: readonly RegExp[];
  readonly labels: readonly LabelPattern[];
}

export interface SelectionRules {
  readonly include: SelectionPatterns;
  readonly exclude: SelectionPatterns;
  /** Label by which a container opts out when its value means "no"; empty: none. */
  readonly optOutLabel: string;
}

/** What the rules are applied to. */
export interface Selectable {
  readonly name: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
}

const NO = new Set(['false', '0', 'no', 'off']);

const anyMatches = (patterns: readonly RegExp[], value: string): boolean =>
  patterns.some((pattern) => pattern.test(value));

/** @returns why the container is not to be monitored, `undefined` when it is */
export function whyIgnored(rules: SelectionRules, container: Selectable): string | undefined {
  const { include, exclude, optOutLabel } = rules;
  const choice = optOutLabel === '' ? undefined : container.labels[optOutLabel];
  if (choice !== undefined && NO.has(choice.trim().toLowerCase())) return `its label ${optOutLabel} is ${choice}`;
  if (anyMatches(exclude.names, container.name)) return `exclude.names matches ${container.name}`;
  if (anyMatches(exclude.images, container.image)) return `exclude.images matches ${container.image}`;
  if (matchesLabels(exclude.labels, container.labels)) return 'exclude.labels matches one of its labels';
  if (include.names.length > 0 && !anyMatches(include.names, container.name)) {
    return `include.names does not match ${container.name}`;
  }
  if (include.images.length > 0 && !anyMatches(include.images, container.image)) {
    return `include.images does not match ${container.image}`;
  }
  if (include.labels.length > 0 && !matchesLabels(include.labels, container.labels)) {
    return 'include.labels matches none of its labels';
  }
  return undefined;
}

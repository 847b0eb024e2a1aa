import { matchesLabels } from '../../../kernel/contracts/index.js';
import type { PublishingOptions } from './options.js';

export interface Selectable {
  readonly name: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
}

const NO = new Set(['false', '0', 'no', 'off']);

const anyMatches = (patterns: readonly RegExp[], value: string): boolean =>
  patterns.some((pattern) => pattern.test(value));

/** @returns why the container is not to be monitored, `undefined` when it is */
export function whyIgnored(rules: PublishingOptions, { name, image, labels }: Selectable): string | undefined {
  const { include, exclude, optOutLabel } = rules;
  const choice = optOutLabel === '' ? undefined : labels[optOutLabel];
  if (choice !== undefined && NO.has(choice.trim().toLowerCase())) return `its label ${optOutLabel} is ${choice}`;
  const words = Object.entries({ names: name, images: image }) as ['names' | 'images', string][];
  for (const [what, word] of words) {
    if (anyMatches(exclude[what], word)) return `exclude.${what} matches ${word}`;
  }
  if (matchesLabels(exclude.labels, labels)) return 'exclude.labels matches one of its labels';
  for (const [what, word] of words) {
    if (include[what].length > 0 && !anyMatches(include[what], word)) return `include.${what} does not match ${word}`;
  }
  if (include.labels.length > 0 && !matchesLabels(include.labels, labels)) {
    return 'include.labels matches none of its labels';
  }
  return undefined;
}

import type { SecurityOptions } from './options.js';

type Rule = SecurityOptions['auth']['rules'][number];

/** After the configured rules: what is open to anyone who asks whether the agent lives, and what is not. */
const LAST_RULES: readonly Rule[] = [
  { path: '/healthz', allow: 'anyone', users: [] },
  { path: '/-/ready', allow: 'anyone', users: [] },
  { path: '/', allow: 'authenticated', users: [] },
];

/** The first rule that fits a clean path without the URL prefix. */
export function ruleFor(path: string, rules: readonly Rule[]): Rule {
  const fits = (rule: Rule) =>
    path === rule.path || (rule.path.endsWith('/') && (path.startsWith(rule.path) || `${path}/` === rule.path));
  return rules.find(fits) ?? LAST_RULES.find(fits)!;
}

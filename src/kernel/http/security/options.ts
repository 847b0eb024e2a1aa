import type { WebConfig } from '../../config/index.js';

/** The options of `web` that control access and encryption. */
export type SecurityOptions = Pick<WebConfig, 'auth' | 'tls' | 'hosts' | 'cors'>;

type Rule = SecurityOptions['auth']['rules'][number];

/** Applied after the configured rules: health checks are public, everything else needs authentication. */
const DEFAULT_RULES: readonly Rule[] = [
  { path: '/healthz', allow: 'anyone', users: [] },
  { path: '/-/ready', allow: 'anyone', users: [] },
  { path: '/', allow: 'authenticated', users: [] },
];

/** The first rule that matches a clean path without the URL prefix. */
export function ruleFor(path: string, rules: readonly Rule[]): Rule {
  const matches = (rule: Rule) =>
    path === rule.path || (rule.path.endsWith('/') && (path.startsWith(rule.path) || `${path}/` === rule.path));
  return rules.find(matches) ?? DEFAULT_RULES.find(matches)!;
}

import type { AgentConfig } from '../../config/index.js';

/** The options of `web` that control access and encryption. */
export type SecurityOptions = Pick<AgentConfig['web'], 'auth' | 'tls' | 'hosts' | 'cors'>;

/** Defaults: no authentication, no TLS, loopback names only. */
export const NO_SECURITY: SecurityOptions = {
  auth: {
    basic: { file: undefined, realm: 'tallyman' },
    digest: { file: undefined, realm: 'tallyman' },
    bearer: { file: undefined },
    rules: [],
  },
  tls: { cert: undefined, key: undefined, clientCa: undefined, clientCertificates: 'none', minVersion: 'TLSv1.2' },
  hosts: [],
  cors: { origins: [] },
};

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

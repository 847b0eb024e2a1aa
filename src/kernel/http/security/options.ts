import type { AgentConfig } from '../../config/index.js';

/** The options of `web` that say who is let in and how connections are encrypted. */
export type SecurityOptions = Pick<AgentConfig['web'], 'auth' | 'tls' | 'hosts' | 'cors'>;

/** What counts when nothing is said: no authentication, no TLS, loopback names only. */
export const OPEN: SecurityOptions = {
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

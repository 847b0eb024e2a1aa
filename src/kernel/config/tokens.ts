import { ListToken, Token } from '../composition/index.js';
import type { ActiveConfig, ConfigObserver } from './active-config.js';

/** Version and start time of the agent. */
export interface AgentIdentity {
  readonly version: string;
  /** µs since the epoch */
  readonly startedAt: number;
}

export const AGENT = new Token<AgentIdentity>('agent');
/** Directory of persistent state; `undefined`: none is kept. */
export const STATE_DIRECTORY = new Token<string | undefined>('state directory');
export const CONFIG = new Token<ActiveConfig>('config');
export const CONFIG_OBSERVERS = new ListToken<ConfigObserver>('config observers');

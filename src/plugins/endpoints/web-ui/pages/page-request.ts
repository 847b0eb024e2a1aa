import type { AgentView } from '../../../../kernel/contracts/index.js';
import type { Links } from './links.js';

/** What a page is made of. */
export interface PageRequest {
  readonly agent: AgentView;
  readonly links: Links;
  readonly query: URLSearchParams;
  readonly namespaces: readonly string[];
  /** µs since the epoch */
  readonly now: number;
}

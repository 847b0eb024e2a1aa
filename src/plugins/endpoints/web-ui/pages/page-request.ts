import { setImmediate as nextTurn } from 'node:timers/promises';
import { Joiner, type Snapshot } from '../../../../client/top/index.js';
import { ByteWriter } from '../../../../kernel/contracts/bytes/index.js';
import type { AgentView, Clock } from '../../../../kernel/contracts/index.js';
import { Listing } from '../../top/index.js';
import { briefAnswer } from '../../why/index.js';
import type { Links } from '../shared/links.js';
import type { Troubles } from '../shared/view.js';

/** What a page is made of. */
export interface PageRequest {
  readonly agent: AgentView;
  readonly links: Links;
  readonly query: URLSearchParams;
  readonly namespaces: readonly string[];
  /** All containers with their newest numbers; none when no table is wanted. */
  readonly snapshot: Snapshot;
  /** What is wrong with them. */
  readonly troubles: Troubles;
  /** µs since the epoch */
  readonly now: number;
  /** Whether a page that is open asks for its tables anew: what it asks for elsewhere is left out. */
  readonly isRenewal: boolean;
  /** Whether the table of containers is wanted. */
  readonly wantsTable: boolean;
}

/** What is wrong is worked out anew after this time, ms: that costs more than the rest of a page. */
const TROUBLES_MS = 5000;

/** The numbers of all containers and what is wrong with them, shared by the pages that are asked for. */
export class Overviews {
  private readonly listing: Listing;
  private readonly joiner = new Joiner();
  private troubles: Troubles = new Map();
  private judgedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly agent: AgentView,
    private readonly clock: Clock,
  ) {
    this.listing = new Listing(agent, clock);
  }

  async current(): Promise<Pick<PageRequest, 'snapshot' | 'troubles'>> {
    await this.listing.refresh();
    const out = new ByteWriter();
    this.listing.write(out, { since: this.joiner.since });
    const text = new TextDecoder().decode(out.buffer.subarray(0, out.length));
    // Requests that came meanwhile, such as for the style of the page, need not wait for the rules.
    await nextTurn();
    return { snapshot: this.joiner.join(text), troubles: this.judged() };
  }

  private judged(): Troubles {
    const now = this.clock.monotonic();
    if (now - this.judgedAt >= TROUBLES_MS) {
      this.troubles = new Map(briefAnswer(this.agent).containers.map((trouble) => [trouble.container, trouble]));
      this.judgedAt = now;
    }
    return this.troubles;
  }
}

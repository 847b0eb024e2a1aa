/** Maximum lines per minute. `0`: no limit. */
export interface LogLimits {
  /** Lines of one component that differ only in numbers and IDs. */
  readonly alike: number;
  /** Lines of one component. */
  readonly perPart: number;
}

/** Lines of a component, or of one kind, within a minute. */
export interface Tally {
  readonly part: string;
  /** An example of the kind; absent for all lines of the component. */
  readonly alike?: string;
  admitted: number;
  leftOut: number;
}

const MINUTE_MS = 60_000;
/** Kinds of lines counted separately in a minute; further ones count only towards their component. */
const MAX_KINDS = 2_000;

export class LineLimiter {
  /** Lines suppressed since the start. */
  leftOut = 0;
  private tallies = new Map<string, Tally>();
  private minuteEndsAt = 0;

  constructor(
    private limits: LogLimits,
    private readonly now: () => number = () => performance.now(),
  ) {}

  change(limits: LogLimits): void {
    this.limits = limits;
  }

  admits(part: string, message: string): boolean {
    const { alike, perPart } = this.limits;
    const all = this.tally(part, { part });
    const kind = kindOf(message);
    const same = this.tallies.size < MAX_KINDS ? this.tally(`${part}\n${kind}`, { part, alike: message }) : all;
    const full = isFull(same, alike) && same !== all ? same : isFull(all, perPart) ? all : undefined;
    if (full !== undefined) {
      full.leftOut++;
      this.leftOut++;
      return false;
    }
    all.admitted++;
    if (same !== all) same.admitted++;
    return true;
  }

  /** Time in ms until the minute ends; 0 or less when it has ended. */
  get remainingMs(): number {
    return this.minuteEndsAt - this.now();
  }

  /** Begins the next minute. @returns what was suppressed in the previous one */
  nextMinute(): Tally[] {
    const suppressed = [...this.tallies.values()].filter(({ leftOut }) => leftOut > 0);
    this.tallies = new Map();
    this.minuteEndsAt = this.now() + MINUTE_MS;
    return suppressed;
  }

  private tally(key: string, what: Pick<Tally, 'part' | 'alike'>): Tally {
    let tally = this.tallies.get(key);
    if (tally === undefined) {
      tally = { ...what, admitted: 0, leftOut: 0 };
      this.tallies.set(key, tally);
    }
    return tally;
  }
}

function isFull({ admitted }: Tally, limit: number): boolean {
  return limit > 0 && admitted >= limit;
}

/** A kind of message is logged again after this time. */
const REPEAT_AFTER_MS = 600_000;
const MAX_RECENT_KINDS = 100;

/** The same for messages that differ only in numbers and IDs. */
export function kindOf(message: string): string {
  return message.replace(/\b[\da-f]{12,}\b|\d+/gi, '#');
}

/** Remembers recent messages, so that recurring or ever-changing messages do not flood the log. */
export class RecentMessages {
  private readonly kinds = new Map<string, number>();

  /**
   * Whether a message should be logged. Messages that differ only in numbers count as the same for ten minutes.
   * @param now monotonic ms
   */
  isNew(message: string, now: number): boolean {
    const kind = kindOf(message);
    const loggedAt = this.kinds.get(kind);
    if (loggedAt !== undefined && now - loggedAt < REPEAT_AFTER_MS) return false;
    for (const [other, at] of this.kinds) if (now - at >= REPEAT_AFTER_MS) this.kinds.delete(other);
    if (this.kinds.size >= MAX_RECENT_KINDS) return false;
    this.kinds.set(kind, now);
    return true;
  }
}

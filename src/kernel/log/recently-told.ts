const REPEAT_AFTER = 600_000;
const MAX_KINDS = 100;

/** What messages have in common that differ in numbers and ids only. */
export function kindOf(message: string): string {
  return message.replace(/\b[\da-f]{12,}\b|\d+/gi, '#');
}

/** Remembers what was said, so that what comes and goes, or finds ever new words, does not flood the log. */
export class RecentlyTold {
  private readonly kinds = new Map<string, number>();

  /**
   * Whether a message is to be said: messages that differ in numbers only count as the same for ten minutes.
   * @param now monotonic ms
   */
  isNew(message: string, now: number): boolean {
    const kind = kindOf(message);
    const toldAt = this.kinds.get(kind);
    if (toldAt !== undefined && now - toldAt < REPEAT_AFTER) return false;
    for (const [other, at] of this.kinds) if (now - at >= REPEAT_AFTER) this.kinds.delete(other);
    if (this.kinds.size >= MAX_KINDS) return false;
    this.kinds.set(kind, now);
    return true;
  }
}

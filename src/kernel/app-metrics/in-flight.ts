import { CollectionError } from '../contracts/index.js';
import { FairShares } from './fair-shares.js';

/** Bytes of answers that are being read or worked on, so that they do not fill the memory. */
export class InFlight {
  private readonly shares: FairShares;
  private readonly bytes = new Map<string, number>();

  /** @param total bytes of all containers together */
  constructor(total: number) {
    this.shares = new FairShares(total);
  }

  /** @throws CollectionError when there is no room for all, and the container has more than its share */
  take(container: string, bytes: number): void {
    const held = (this.bytes.get(container) ?? 0) + bytes;
    this.bytes.set(container, held);
    this.shares.want(container, held);
    if (held <= this.shares.share) return;
    throw new CollectionError('too many answers are being read at the same time, most of them from this container');
  }

  give(container: string, bytes: number): void {
    const held = (this.bytes.get(container) ?? 0) - bytes;
    if (held > 0) this.bytes.set(container, held);
    else this.bytes.delete(container);
    this.shares.want(container, Math.max(held, 0));
  }
}

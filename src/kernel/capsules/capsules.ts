import { type CapsuleArchive, RequestError, type StoredCapsule } from '../contracts/index.js';
import type { CapsuleStore } from './capsule-store.js';

const NOT_KEPT = 501;

/** Writes a capsule of the container of that absolute name. */
type Record = (name: string) => Promise<StoredCapsule>;

/** The capsules of the agent as everything downstream sees them. The recorder, which stands above, writes them. */
export class Capsules implements CapsuleArchive {
  written = 0;
  skipped = 0;
  failed = 0;
  /** Set by the recorder. */
  recordNow: Record | undefined;

  /** @param store undefined: none are kept */
  constructor(readonly store: CapsuleStore | undefined) {}

  list(): readonly StoredCapsule[] {
    return this.store?.list() ?? [];
  }

  async read(id: string): Promise<Buffer | undefined> {
    return this.store?.read(id);
  }

  async record(name: string): Promise<StoredCapsule> {
    if (this.recordNow !== undefined) return this.recordNow(name);
    throw new RequestError(
      NOT_KEPT,
      'this agent keeps no capsules: recorder.enabled is false, or it has no state directory',
    );
  }

  state(): ReturnType<CapsuleArchive['state']> {
    const { store, written, skipped, failed } = this;
    return { ...(store !== undefined && { directory: store.directory }), written, skipped, failed };
  }
}

/** Why a capsule was written. */
export interface CapsuleReason {
  /**
   * `oom`: the kernel killed one of its processes; `exit`: it ended with another exit code than 0; `ended-unseen`: it ended
   * while its engine could not be asked; `unhealthy`; `restart-loop`: it ended badly again and again; `why`: a rule found
   * an error; `requested`: a user asked for it.
   */
  readonly kind: 'oom' | 'exit' | 'ended-unseen' | 'unhealthy' | 'restart-loop' | 'why' | 'requested';
  /** µs since the epoch */
  readonly time: number;
  /** For people: `exit code 137`. */
  readonly text: string;
}

/** The header of a capsule. */
export interface CapsuleInfo {
  /** Unique in its directory, sorted by time. */
  readonly id: string;
  /** Absolute name of the container. */
  readonly container: string;
  /** Its name at its runtime; the absolute name without one. */
  readonly label: string;
  readonly runtime?: string;
  readonly image?: string;
  readonly exitCode?: number;
  /** µs since the epoch */
  readonly createdAt: number;
  readonly reasons: readonly CapsuleReason[];
  /** Version of the agent that wrote it. */
  readonly agentVersion: string;
}

/** A stored capsule. */
export interface StoredCapsule extends CapsuleInfo {
  /** Of its file. */
  readonly bytes: number;
}

/** The recordings of containers that failed. */
export interface CapsuleArchive {
  /** The stored capsules, oldest first. */
  list(): readonly StoredCapsule[];
  /** The file of a capsule; `undefined` when it does not exist. */
  read(id: string): Promise<Buffer | undefined>;
  /**
   * Writes a capsule of a container now.
   * @param name absolute name
   * @throws RequestError 404 for an unknown container, 429 when too many were written, 501 when none can be kept
   */
  record(name: string): Promise<StoredCapsule>;
  /** Counts since the start of the agent. */
  state(): {
    /** Directory of the capsules; absent when none are stored. */
    readonly directory?: string;
    readonly written: number;
    /** Failures without a capsule, because too many were written recently. */
    readonly skipped: number;
    readonly failed: number;
  };
}

/** Something about the host or the agent that takes numbers away, and how to mend it. */
export interface Finding {
  /** The same thing has the same id on every host: `memory-controller`, `docker-denied`. */
  readonly id: string;
  /**
   * `error`: numbers are missing that people expect; `warning`: something costs or will fail; `info`: worth knowing, and
   * fine on many hosts.
   */
  readonly severity: 'error' | 'warning' | 'info';
  /** What is the case, in one sentence. */
  readonly what: string;
  /** What is lost by it. */
  readonly effect: string;
  /** The exact line that mends it. */
  readonly mend: string;
}

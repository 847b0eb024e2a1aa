import {
  type Clock,
  type EngineInfo,
  type EngineReport,
  messageOf,
  type RuntimeInfo,
} from '../../../kernel/contracts/index.js';

/** An engine is asked about itself at most this often, ms. */
const MAX_AGE = 5_000;

/** Asks one engine about itself, and remembers the answer (or the failure) for a while. */
export class EngineInfoCache<C> {
  private client: C | undefined;
  private askedAt = 0;
  private answer: Promise<EngineReport> | undefined;

  /**
   * @param runtime `docker`, `podman`
   * @param endpoint its address, for people
   * @param ask asks it
   */
  constructor(
    private readonly runtime: string,
    private readonly endpoint: string,
    private readonly clock: Clock,
    private readonly ask: (client: C, versions: RuntimeInfo | undefined) => Promise<EngineInfo>,
  ) {}

  /** Information about the engine, or why it cannot be reached. */
  report(client: C | undefined, versions: RuntimeInfo | undefined, why: string): Promise<EngineReport> {
    const { runtime, endpoint } = this;
    if (client === undefined) return Promise.resolve({ runtime, endpoint, reason: why });
    const now = this.clock.monotonic();
    if (this.answer === undefined || client !== this.client || now - this.askedAt >= MAX_AGE) {
      this.client = client;
      this.askedAt = now;
      this.answer = this.answered(client, versions);
    }
    return this.answer;
  }

  private async answered(client: C, versions: RuntimeInfo | undefined): Promise<EngineReport> {
    const { runtime, endpoint } = this;
    try {
      const info = await this.ask(client, versions);
      return { runtime, endpoint, askedAt: this.clock.now(), info };
    } catch (error) {
      return { runtime, endpoint, reason: messageOf(error) };
    }
  }
}

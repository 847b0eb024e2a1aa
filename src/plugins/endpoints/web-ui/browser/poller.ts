/** How it stands with what is asked for again and again. */
export type PollState =
  | { readonly kind: 'live' }
  /** The page is hidden. */
  | { readonly kind: 'paused' }
  /** @member since ms since the epoch */
  | { readonly kind: 'failing'; readonly reason: string; readonly since: number };

/** After a failure the next attempt comes sooner than this, ms. */
const LONGEST_PAUSE = 10_000;
/** An answer that takes longer counts as none, ms. */
const PATIENCE = 10_000;

/** Does a job again and again while the page is looked at, and goes on by itself after failures. */
export class Poller {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private abort: AbortController | undefined;
  private failures = 0;
  private failingSince = 0;

  /**
   * @param job throws when it failed
   * @param interval ms between its end and its next beginning
   */
  constructor(
    private readonly job: (signal: AbortSignal) => Promise<void>,
    private readonly interval: (lastTook: number) => number,
    private readonly onState: (state: PollState) => void,
  ) {
    document.addEventListener('visibilitychange', () => this.follow());
    this.follow();
  }

  /** Does the job now, also when its time has not come. */
  async now(): Promise<void> {
    clearTimeout(this.timer);
    this.abort?.abort();
    const abort = new AbortController();
    this.abort = abort;
    const startedAt = performance.now();
    let isOverdue = false;
    const limit = setTimeout(() => {
      isOverdue = true;
      abort.abort();
    }, PATIENCE);
    let pause = 0;
    try {
      await this.job(abort.signal);
      this.failures = 0;
      pause = this.interval(performance.now() - startedAt);
      if (!abort.signal.aborted) this.onState({ kind: 'live' });
    } catch (error) {
      if (abort.signal.aborted && !isOverdue) return;
      if (this.failures++ === 0) this.failingSince = Date.now();
      pause = Math.min(LONGEST_PAUSE, 1000 * 2 ** (this.failures - 1));
      this.onState({ kind: 'failing', reason: reasonOf(error), since: this.failingSince });
    } finally {
      clearTimeout(limit);
    }
    if (this.abort === abort && document.visibilityState === 'visible')
      this.timer = setTimeout(() => void this.now(), pause);
  }

  private follow(): void {
    if (document.visibilityState === 'visible') {
      void this.now();
      return;
    }
    clearTimeout(this.timer);
    this.abort?.abort();
    this.onState({ kind: 'paused' });
  }
}

/** An answer that is none. */
export class Refusal extends Error {}

/** @returns the agent's answer @throws Refusal for anything but a 200 */
export async function ask(url: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(url, { signal, cache: 'no-store' });
  if (response.ok) return response.text();
  if (response.status === 404) throw new Refusal('This container is gone.');
  if (response.status === 401) throw new Refusal('The agent asks who you are: load the page again.');
  throw new Refusal(`The agent refuses (${response.status}): ${(await response.text()).slice(0, 200)}`);
}

function reasonOf(error: unknown): string {
  return error instanceof Refusal ? error.message : 'The agent does not answer.';
}

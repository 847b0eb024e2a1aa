/**
 * What `create` of a `sink` plugin returns: something that sends samples elsewhere. It reads what it sends from
 * `ctx.agent`, as everything downstream does. The kernel keeps the rhythm; failures of `push` are counted, logged once
 * per cause and end nothing.
 */
export interface Sink {
  /** Milliseconds from the end of one push to the beginning of the next. */
  readonly interval: number;
  /**
   * Sends what is new. Called for as long as the plugin runs, whatever came of it before, and not again before it has
   * settled. A rejection says that something was not delivered; what to do about it (keep and send again after a pause,
   * drop and say so) is the sink's decision.
   * @param signal aborted when the plugin stops
   */
  push(signal: AbortSignal): Promise<void>;
  /** Called once before the first push, awaited within the plugin's start time limit. */
  start?(): Promise<void> | void;
  /**
   * Called once, when no push will begin any more and the signal of a running one is aborted. It has one
   * second, the time to hand over what is still held.
   */
  stop?(): Promise<void> | void;
}

/** The module inside kafkajs that `loadKafkajs` changes, as far as it and its test use it. */
declare module 'kafkajs/src/network/requestQueue/index.js' {
  export default class RequestQueue {
    readonly pending: readonly unknown[];
    /** ms since the epoch; −1: not throttled. */
    throttledUntil: number;
    throttleCheckTimeoutId: NodeJS.Timeout | null;
    constructor(options: Readonly<Record<string, unknown>>);
    push(request: Readonly<Record<string, unknown>>): void;
    fulfillRequest(response: Readonly<Record<string, unknown>>): void;
    maybeThrottle(ms: number): void;
    checkPendingRequests(): void;
    scheduleCheckPendingRequests(): void;
  }
}

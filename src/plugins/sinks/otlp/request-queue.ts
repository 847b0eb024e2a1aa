/** A request that waits to be sent. */
export interface QueuedRequest {
  readonly body: Uint8Array;
  /** Data points in it. */
  readonly points: number;
}

/** Requests that wait, oldest first, bounded in bytes: beyond the bound the oldest go. */
export class RequestQueue {
  private readonly requests: QueuedRequest[] = [];
  private bytes = 0;

  /** @param limit bytes */
  constructor(private readonly limit: number) {}

  /** @returns data points that were dropped to make room; a request larger than the whole queue is dropped itself */
  add(request: QueuedRequest): number {
    this.requests.push(request);
    this.bytes += request.body.length;
    let dropped = 0;
    while (this.bytes > this.limit) dropped += this.shift()!.points;
    return dropped;
  }

  first(): QueuedRequest | undefined {
    return this.requests[0];
  }

  /** Takes the oldest out. */
  shift(): QueuedRequest | undefined {
    const first = this.requests.shift();
    if (first !== undefined) this.bytes -= first.body.length;
    return first;
  }

  get length(): number {
    return this.requests.length;
  }
}

import type { StreamedAnswer } from '../contracts/index.js';
import type { PluginCall } from './answer.js';
import type { Exchange } from './exchange.js';

/** Milliseconds of silence after which the system begins to ask whether the client's machine is still there. */
const KEEP_ALIVE_DELAY = 30_000;

/**
 * Sends a streamed answer until it ends, the client goes away or the agent stops.
 * @throws what the plugin threw: the answer is then incomplete
 */
export async function sendStream(exchange: Exchange, answer: StreamedAnswer, call: PluginCall): Promise<void> {
  const iterator = call('stream', () => answer.stream[Symbol.asyncIterator]());
  const interruption = new Interruption(exchange.signal);
  try {
    call('head', () => writeHead(exchange, answer));
    while (exchange.method !== 'HEAD') {
      const step = await interruption.orValue(call('stream', () => iterator.next()));
      if (step === undefined || step.done === true) break;
      const { value } = step;
      if (!(await exchange.write(typeof value === 'string' ? Buffer.from(value) : asBuffer(value)))) return;
    }
    await exchange.end();
  } finally {
    // Not waited for: the client's answer is over whatever the plugin has left to tidy up.
    call('stream', () => iterator.return?.())?.catch(() => {});
  }
}

function writeHead(exchange: Exchange, { status, contentType, headers }: StreamedAnswer): void {
  const { request, response } = exchange;
  response.writeHead(status ?? 200, { ...(contentType !== undefined && { 'Content-Type': contentType }), ...headers });
  response.flushHeaders();
  request.socket.setKeepAlive(true, KEEP_ALIVE_DELAY);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Lets waits end early. One object for a whole stream: racing each wait with one lasting promise would pile up. */
class Interruption {
  private wake: (() => void) | undefined;

  constructor(private readonly signal: AbortSignal) {
    signal.addEventListener('abort', () => this.wake?.(), { once: true });
  }

  /** What the promise gives; undefined as soon as the signal is aborted. */
  orValue<T>(promise: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.wake = () => resolve(undefined);
      promise.then(resolve, reject);
      if (this.signal.aborted) this.wake();
    });
  }
}

// Bare HTTP clients that cost little beside what they measure.
import { connect } from 'node:net';

const head = (url) => `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\n`;

/** Sends a request and leaves the connection to the caller. */
export function open(address) {
  const url = new URL(address);
  const socket = connect(Number(url.port), url.hostname);
  socket.setNoDelay(true).write(`${head(url)}\r\n`);
  return socket;
}

/** Takes an answer of any size without keeping it. @returns its time in ms and its bytes on the wire */
export function drain(address) {
  const start = performance.now();
  const url = new URL(address);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(url.port), url.hostname);
    let bytes = 0;
    socket.write(`${head(url)}Connection: close\r\n\r\n`);
    socket.on('data', (chunk) => {
      bytes += chunk.length;
    });
    socket.once('error', reject);
    socket.once('close', () => resolve({ ms: performance.now() - start, bytes }));
  });
}

/** One kept connection; answers must have a length. */
class Caller {
  constructor(address) {
    const url = new URL(address);
    this.request = Buffer.from(`${head(url)}\r\n`);
    this.socket = connect(Number(url.port), url.hostname).setNoDelay(true);
    this.socket.on('data', (chunk) => this.take(chunk));
    this.missing = -1;
  }

  call() {
    this.socket.write(this.request);
    return new Promise((resolve, reject) => {
      this.done = resolve;
      this.socket.once('error', reject);
    });
  }

  take(chunk) {
    if (this.missing < 0) {
      const end = chunk.indexOf('\r\n\r\n');
      const text = chunk.toString('latin1', 0, end);
      const [, length] = /content-length: (\d+)/i.exec(text) ?? [];
      if (!text.startsWith('HTTP/1.1 200') || length === undefined) throw new Error(text);
      this.missing = Number(length) - (chunk.length - end - 4);
    } else this.missing -= chunk.length;
    if (this.missing > 0) return;
    this.missing = -1;
    this.socket.removeAllListeners('error');
    this.done();
  }
}

/**
 * Asks at a steady rate over a few connections; a request that is due while all are busy waits, and its wait counts.
 * @returns answers a second, and the latencies from when each was due
 */
export async function steadily(address, perSecond, seconds, connections, signal) {
  const idle = Array.from({ length: connections }, () => new Caller(address));
  const callers = [...idle];
  const due = [];
  const times = [];
  const start = performance.now();
  const send = () => {
    while (due.length > 0 && idle.length > 0) {
      const since = due.shift();
      const caller = idle.pop();
      void caller.call().then(() => {
        times.push(performance.now() - since);
        idle.push(caller);
        send();
      });
    }
  };
  let asked = 0;
  while (performance.now() - start < seconds * 1000 && !signal.aborted) {
    const now = performance.now();
    for (; asked < ((now - start) / 1000) * perSecond; asked++) due.push(now);
    send();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const answered = times.length / ((performance.now() - start) / 1000);
  for (const { socket } of callers) socket.destroy();
  times.sort((a, b) => a - b);
  const quantile = (share) => times[Math.min(times.length - 1, Math.ceil(times.length * share) - 1)];
  return { perSecond: answered, p50: quantile(0.5), p99: quantile(0.99), waiting: due.length };
}

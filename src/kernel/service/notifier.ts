import { type ChildProcess, spawn } from 'node:child_process';
import { type Logger, messageOf } from '../contracts/index.js';

/** Reads messages from standard input, so that the agent only writes to a pipe. */
const RELAY = 'set -f; IFS="\t"; while read -r message; do systemd-notify $message || exit; done';

/**
 * Sends messages to the service manager; see sd_notify(3).
 * Node has no unix datagram sockets, so messages are sent by `systemd-notify`, which a long-running shell starts: starting
 * a process from the agent blocks the event loop for milliseconds, and fails when the agent has run out of descriptors,
 * which must not trigger the watchdog.
 */
export class RelayNotifier {
  private relay: ChildProcess | undefined;
  private failed = false;
  private closed = false;

  /** @param env environment of the relay, with `NOTIFY_SOCKET` */
  constructor(
    private readonly env: Readonly<Record<string, string | undefined>>,
    private readonly logger: Logger,
  ) {}

  /** @param assignments sent as one message: `READY=1`, `STATUS=…` */
  send(...assignments: string[]): void {
    if (this.closed) return;
    this.relay ??= this.start();
    this.relay.stdin?.write(`${assignments.map(withoutSeparators).join('\t')}\n`);
  }

  /** Stops sending; messages already written are delivered. */
  close(): void {
    this.closed = true;
    this.relay?.stdin?.end();
  }

  private start(): ChildProcess {
    const relay = spawn('/bin/sh', ['-c', RELAY], { env: this.env, stdio: ['pipe', 'ignore', 'pipe'] });
    let stderr = '';
    relay.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-1000);
    });
    // Writing to a relay that has ended; its exit is reported below.
    relay.stdin.on('error', () => {});
    relay.once('error', (error) => this.ended(relay, messageOf(error)));
    relay.once('close', (status, signal) => this.ended(relay, stderr.trim() || `it ended with ${signal ?? status}`));
    // The relay must not keep the agent's process alive.
    relay.unref();
    for (const stream of [relay.stdin, relay.stderr]) (stream as unknown as { unref(): void }).unref();
    return relay;
  }

  /** Reports the exit; the next message starts another relay. */
  private ended(relay: ChildProcess, reason: string): void {
    if (this.relay !== relay) return;
    this.relay = undefined;
    if (this.closed || this.failed) return;
    this.failed = true;
    this.logger.error(`systemd-notify failed, systemd does not receive the state of the agent: ${reason}`, {
      hint: 'is systemd-notify installed, and does the unit have NotifyAccess=all?',
    });
  }
}

/** The relay splits messages at tabs and newlines. */
function withoutSeparators(assignment: string): string {
  return assignment.replaceAll(/[\t\n\r]+/g, ' ');
}

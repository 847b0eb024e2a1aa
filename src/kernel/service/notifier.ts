import { type ChildProcess, spawn } from 'node:child_process';
import { type Logger, messageOf } from '../contracts/index.js';

/** Tells the service manager something; see sd_notify(3). */
export interface Notifier {
  /** @param assignments what is sent as one message: `READY=1`, `STATUS=…` */
  send(...assignments: string[]): void;
  /** Sends nothing more, and lets what is under way arrive. */
  close(): void;
}

/** Waits on its standard input, so that each message is one write to a pipe for the agent. */
const RELAY = 'set -f; IFS="\t"; while read -r message; do systemd-notify $message || exit; done';

/**
 * Node has no datagram sockets of the unix family, so that messages go through `systemd-notify`, started by a shell that
 * is kept: starting a program from the agent itself stops the housekeeping loop for milliseconds, and fails when the
 * agent has no descriptors left, which is no reason for the watchdog to end it.
 */
export class RelayNotifier implements Notifier {
  private relay: ChildProcess | undefined;
  private failed = false;
  private closed = false;

  /** @param env variables of the relay; `NOTIFY_SOCKET` says where to */
  constructor(
    private readonly env: Readonly<Record<string, string | undefined>>,
    private readonly logger: Logger,
  ) {}

  send(...assignments: string[]): void {
    if (this.closed) return;
    this.relay ??= this.start();
    this.relay.stdin?.write(`${assignments.map(oneWord).join('\t')}\n`);
  }

  close(): void {
    this.closed = true;
    this.relay?.stdin?.end();
  }

  private start(): ChildProcess {
    const relay = spawn('/bin/sh', ['-c', RELAY], { env: this.env, stdio: ['pipe', 'ignore', 'pipe'] });
    let said = '';
    relay.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-1000);
    });
    // A write to a relay that has ended; its end is reported below.
    relay.stdin.on('error', () => {});
    relay.once('error', (error) => this.ended(relay, messageOf(error)));
    relay.once('close', (status, signal) => this.ended(relay, said.trim() || `it ended with ${signal ?? status}`));
    // Only what the agent does keeps the process alive.
    relay.unref();
    for (const stream of [relay.stdin, relay.stderr]) (stream as unknown as { unref(): void }).unref();
    return relay;
  }

  /** The next message starts another one. */
  private ended(relay: ChildProcess, reason: string): void {
    if (this.relay !== relay) return;
    this.relay = undefined;
    if (this.closed || this.failed) return;
    this.failed = true;
    this.logger.error(`systemd-notify failed, so that systemd does not learn how the agent is: ${reason}`, {
      hint: 'is systemd-notify installed, and does the unit say NotifyAccess=all?',
    });
  }
}

/** The relay takes messages apart at tabs and line ends. */
function oneWord(assignment: string): string {
  return assignment.replaceAll(/[\t\n\r]+/g, ' ');
}

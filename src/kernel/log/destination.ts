import type { DestinationStream } from 'pino';

const RETRY_INTERVAL_MS = 5_000;

/** A sink of text, see `LineOutput`. */
export interface LogOutput {
  /** @returns whether all of it was written */
  write(text: string): boolean;
  /** Why the last write failed. */
  readonly failure?: string | undefined;
}

/** Writes log lines. Lines that cannot be written are counted, and the count is logged once writing works again. */
export class LogDestination implements DestinationStream {
  /** Lines lost since the start. */
  lost = 0;
  /** Lost lines that have not been reported in the log yet. */
  private unreported = 0;
  private since = '';
  private reason = '';
  private retry: NodeJS.Timeout | undefined;

  /** @param format converts a JSON line to the output format */
  constructor(
    private readonly output: LogOutput,
    private readonly format: (line: string) => string,
  ) {}

  /** Why writing fails; `undefined` while it works. */
  get failure(): string | undefined {
    return this.output.failure;
  }

  write(line: string): void {
    if (this.output.write(this.lossReport() + this.format(line))) {
      this.recovered();
      return;
    }
    if (this.unreported === 0) this.since = new Date().toISOString();
    this.reason = this.output.failure ?? '';
    this.lost++;
    this.unreported++;
    this.retry ??= setInterval(() => this.reportLoss(), RETRY_INTERVAL_MS).unref();
  }

  private reportLoss(): void {
    if (this.output.write(this.lossReport())) this.recovered();
  }

  private recovered(): void {
    this.unreported = 0;
    clearInterval(this.retry);
    this.retry = undefined;
  }

  private lossReport(): string {
    const { unreported, since, reason } = this;
    if (unreported === 0) return '';
    const msg = `${unreported} ${unreported === 1 ? 'line' : 'lines'} could not be written since ${since}: ${reason}`;
    return this.format(`${JSON.stringify({ level: 'error', time: new Date().toISOString(), part: 'log', msg })}\n`);
  }
}

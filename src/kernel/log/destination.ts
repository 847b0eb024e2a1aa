import type { DestinationStream } from 'pino';

/** Whether what could not be written can be now is tried this often, ms. */
const TRY_EVERY = 5_000;

/** What takes text; see `LineOutput`. */
export interface LogOutput {
  /** @returns whether all of it was written */
  write(text: string): boolean;
  /** Why the last write failed. */
  readonly failure?: string | undefined;
}

/** Where lines of the log end: what cannot be written is counted, and told once something can. */
export class LogDestination implements DestinationStream {
  /** Lines lost since the start. */
  lost = 0;
  /** Those of them that the log itself does not tell yet. */
  private untold = 0;
  private since = '';
  private reason = '';
  private retry: NodeJS.Timeout | undefined;

  /** @param print makes of a JSON line what is written */
  constructor(
    private readonly output: LogOutput,
    private readonly print: (line: string) => string,
  ) {}

  /** Why nothing can be written; `undefined` while it can. */
  get failure(): string | undefined {
    return this.output.failure;
  }

  write(line: string): void {
    if (this.output.write(this.untoldLine() + this.print(line))) {
      this.recovered();
      return;
    }
    if (this.untold === 0) this.since = new Date().toISOString();
    this.reason = this.output.failure ?? '';
    this.lost++;
    this.untold++;
    this.retry ??= setInterval(() => this.tellLost(), TRY_EVERY).unref();
  }

  /** Tells what was lost, if it can be told now. */
  private tellLost(): void {
    if (this.output.write(this.untoldLine())) this.recovered();
  }

  private recovered(): void {
    this.untold = 0;
    clearInterval(this.retry);
    this.retry = undefined;
  }

  private untoldLine(): string {
    const { untold, since, reason } = this;
    if (untold === 0) return '';
    const msg = `${untold} ${untold === 1 ? 'line' : 'lines'} could not be written since ${since}: ${reason}`;
    return this.print(`${JSON.stringify({ level: 'error', time: new Date().toISOString(), part: 'log', msg })}\n`);
  }
}

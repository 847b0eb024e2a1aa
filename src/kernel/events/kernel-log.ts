import type { OomVictim } from '../contracts/index.js';

export interface OomKill {
  /** µs since boot. */
  readonly sinceBoot: number;
  /** Container of the killed process. */
  readonly taskContainer: string;
  /** Container whose limit was hit; `/` when the machine itself ran out of memory. */
  readonly limitContainer: string;
  readonly victim: OomVictim;
}

/** One record of `/dev/kmsg`: `priority,sequence,µs since boot,flags;text`, possibly followed by further lines. */
export interface KernelRecord {
  readonly sinceBoot: number;
  readonly text: string;
}

/** @returns undefined when malformed */
export function parseRecord(raw: string): KernelRecord | undefined {
  const match = /^\d+,\d+,(\d+),[^;]*;([^\n]*)/.exec(raw);
  return match === null ? undefined : { sinceBoot: Number(match[1]), text: match[2]! };
}

/** Lines after which an incomplete report is discarded. */
const MAX_REPORT_LINES = 500;
/** A limit as large as this, KiB, is none. */
const NO_LIMIT_KIB = 2 ** 52;

/**
 * Parses the lines of an OOM report, which begins with `… invoked oom-killer:` and ends with the killed process. The
 * containers are in an `oom-kill:` line since kernel 5.0, before in `Task in … killed as a result of limit of …`.
 */
export class OomParser {
  private lines = -1;
  private taskContainer = '/';
  private limitContainer = '/';
  private constraint: string | undefined;
  private limit: number | undefined;

  /** Parses the next record. @returns the kill when the record completes a report */
  parse({ sinceBoot, text }: KernelRecord): OomKill | undefined {
    if (text.includes('invoked oom-killer:')) {
      this.begin();
      return undefined;
    }
    if (this.lines < 0) return undefined;
    if (++this.lines > MAX_REPORT_LINES) this.lines = -1;
    this.readFacts(text);
    const killed = /Killed process (\d+) \((.*?)\)(?:,| |$)/.exec(text);
    if (killed === null) return undefined;
    this.lines = -1;
    const { taskContainer, limitContainer, constraint, limit } = this;
    const victim = {
      pid: Number(killed[1]),
      processName: killed[2]!,
      ...(constraint !== undefined && { constraint }),
      ...(limit !== undefined && { limit }),
    };
    return { sinceBoot, taskContainer, limitContainer, victim };
  }

  private begin(): void {
    this.lines = 0;
    this.taskContainer = '/';
    this.limitContainer = '/';
    this.constraint = undefined;
    this.limit = undefined;
  }

  private readFacts(text: string): void {
    const usage = /^memory: usage \d+kB, limit (\d+)kB,/.exec(text);
    if (usage !== null) {
      const kib = Number(usage[1]);
      this.limit = kib < NO_LIMIT_KIB ? kib * 1024 : undefined;
      return;
    }
    const modern = /oom-kill:constraint=([^,]*),/.exec(text);
    if (modern !== null) {
      this.constraint = modern[1];
      this.taskContainer = /,task_memcg=(.*?),task=/.exec(text)?.[1] ?? '/';
      this.limitContainer = /,oom_memcg=(.*?),task_memcg=/.exec(text)?.[1] ?? '/';
      return;
    }
    const old = /Task in (.*) killed as a result of limit of (.*)$/.exec(text);
    if (old === null) return;
    this.taskContainer = old[1]!;
    this.limitContainer = old[2]!;
  }
}

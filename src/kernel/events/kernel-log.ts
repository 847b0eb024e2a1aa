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

/** What an OOM report has said so far. */
interface Report {
  lines: number;
  taskContainer: string;
  limitContainer: string;
  circumstances: Pick<OomVictim, 'constraint' | 'limit'>;
}

/**
 * Parses the lines of an OOM report, which begins with `… invoked oom-killer:` and ends with the killed process. The
 * containers are in an `oom-kill:` line since kernel 5.0, before in `Task in … killed as a result of limit of …`.
 */
export class OomParser {
  private report: Report | undefined;

  /** Parses the next record. @returns the kill when the record completes a report */
  parse({ sinceBoot, text }: KernelRecord): OomKill | undefined {
    if (text.includes('invoked oom-killer:')) {
      this.report = { lines: 0, taskContainer: '/', limitContainer: '/', circumstances: {} };
      return undefined;
    }
    const { report } = this;
    if (report === undefined) return undefined;
    if (++report.lines > MAX_REPORT_LINES) this.report = undefined;
    readFacts(text, report);
    const killed = /Killed process (\d+) \((.*?)\)(?:,| |$)/.exec(text);
    if (killed === null) return undefined;
    this.report = undefined;
    const { taskContainer, limitContainer, circumstances } = report;
    const victim = { pid: Number(killed[1]), processName: killed[2]!, ...circumstances };
    return { sinceBoot, taskContainer, limitContainer, victim };
  }
}

function readFacts(text: string, report: Report): void {
  const usage = /^memory: usage \d+kB, limit (\d+)kB,/.exec(text);
  if (usage !== null) {
    const kib = Number(usage[1]);
    if (kib < NO_LIMIT_KIB) report.circumstances = { ...report.circumstances, limit: kib * 1024 };
    return;
  }
  const modern = /oom-kill:constraint=([^,]*),/.exec(text);
  if (modern !== null) {
    report.circumstances = { ...report.circumstances, constraint: modern[1]! };
    report.taskContainer = /,task_memcg=(.*?),task=/.exec(text)?.[1] ?? '/';
    report.limitContainer = /,oom_memcg=(.*?),task_memcg=/.exec(text)?.[1] ?? '/';
    return;
  }
  const old = /Task in (.*) killed as a result of limit of (.*)$/.exec(text);
  if (old === null) return;
  report.taskContainer = old[1]!;
  report.limitContainer = old[2]!;
}

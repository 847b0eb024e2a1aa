import { setImmediate as nextTurn } from 'node:timers/promises';
import { type AgentView, ByteWriter, type Clock, RequestError } from '../../../kernel/contracts/index.js';
import type { AgentMetrics, SeriesCount } from './agent-metrics.js';
import type { Family, FamilyTable, Format } from './families.js';
import { type PlannedSeries, planLayout } from './layout-plan.js';
import { writeMachine } from './machine-metrics.js';
import type { PrometheusOptions } from './options.js';
import type { Sheet } from './sheet.js';
import type { Subject } from './subject.js';
import type { Subjects } from './subjects.js';
import { writeQuotient } from './text.js';

/** Writing yields to the event loop after this many ms. */
const SLICE = 4;
/** The clock is looked at after so many containers. */
const LOOK_EVERY = 8;
const NEWLINE = 0x0a;
const SPACE = 0x20;

/** Until when an answer is of use. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Monotonic ms. */
  readonly at: number;
}

/** Writes answers: one walk over all containers, each line assembled from bytes that were prepared before. */
export class Exposition {
  private readonly plans = new WeakMap<object, readonly PlannedSeries[]>();
  /** ` <time>\n` of the container being written. */
  private readonly stamp = new ByteWriter(64);
  private readonly lastSeen: Family | undefined;

  constructor(
    private readonly agent: AgentView,
    private readonly clock: Clock,
    private readonly options: PrometheusOptions,
    private readonly families: FamilyTable,
    private readonly subjects: Subjects,
    private readonly self: AgentMetrics,
  ) {
    const help = 'When the container was last seen, which is now; seconds since the epoch.';
    this.lastSeen = families.take('container_last_seen', 'gauge', help);
  }

  /**
   * Writes everything into the sheet, letting the event loop run in between.
   * @returns how many series of containers there are
   * @throws RequestError 503 when the deadline passes meanwhile
   */
  async write(sheet: Sheet, deadline: Deadline): Promise<SeriesCount> {
    const count = { written: 0, cut: 0 };
    const started = this.clock.monotonic();
    let since = started;
    for (const [i, subject] of this.subjects.current().entries()) {
      this.writeSubject(sheet, subject, count);
      if (i % LOOK_EVERY !== 0 || this.clock.monotonic() - since < SLICE) continue;
      await nextTurn();
      since = this.clock.monotonic();
      assertInTime(deadline, since);
    }
    this.subjects.reported(count);
    writeMachine(sheet, this.agent, this.options);
    if (this.options.selfMetrics) this.self.write(sheet, count);
    this.self.scraped(this.clock.monotonic() - started);
    return count;
  }

  private writeSubject(sheet: Sheet, subject: Subject, count: { written: number; cut: number }): void {
    if (subject.isNew) subject.readLimits(this.clock.monotonic());
    const { cursor, view } = subject;
    const window = view?.samples({ count: 1 });
    const sampled = window !== undefined && window.length > 0;
    if (sampled) window.at(0, cursor);
    const plan = sampled ? this.planOf(cursor.layout) : [];
    if (this.overfull(subject, plan, count)) return;
    const labels = subject.text.labels;
    for (const { family, line } of subject.factLines()) {
      const out = sheet.writer(family);
      out.bytes(family.prefix);
      out.bytes(labels);
      out.bytes(line);
      out.reserve(1);
      out.buffer[out.length++] = NEWLINE;
      count.written++;
    }
    if (!sampled) return;
    count.written += this.writeSamples(sheet, subject, plan, labels);
    count.written += this.writeLastSeen(sheet, labels);
  }

  private writeSamples(sheet: Sheet, subject: Subject, plan: readonly PlannedSeries[], labels: Buffer): number {
    const { values, residuals, base, time } = subject.cursor;
    const { hasQuota } = subject;
    this.setStamp(time, sheet.format);
    let written = 0;
    for (const { family, column, tail, divisor, only } of plan) {
      const at = base + column;
      const value = values[at]!;
      if (Number.isNaN(value) || (only !== undefined && (only === 'quota' ? !hasQuota : value === 0))) continue;
      const out = sheet.writer(family);
      out.bytes(family.prefix);
      out.bytes(labels);
      out.bytes(tail);
      writeQuotient(out, value, residuals === undefined ? 0 : residuals[at]!, divisor);
      this.appendStamp(out);
      written++;
    }
    return written;
  }

  private writeLastSeen(sheet: Sheet, labels: Buffer): number {
    if (this.lastSeen === undefined) return 0;
    const now = this.clock.now();
    this.setStamp(now, sheet.format);
    const out = sheet.writer(this.lastSeen);
    out.bytes(this.lastSeen.prefix);
    out.bytes(labels);
    out.ascii('} ');
    out.integer(Math.floor(now / 1e6));
    this.appendStamp(out);
    return 1;
  }

  /** Whether the container does not fit below `maxSeries` any more; then its series are counted as cut. */
  private overfull(subject: Subject, plan: readonly PlannedSeries[], count: { written: number; cut: number }): boolean {
    const { maxSeries } = this.options;
    if (maxSeries === 0) return false;
    const most = subject.factLines().length + plan.length + 1;
    // Once one is left out all that follow are: which ones does not depend on their sizes then.
    if (count.cut === 0 && count.written + most <= maxSeries) return false;
    count.cut += most;
    return true;
  }

  private planOf(layout: Subject['cursor']['layout']): readonly PlannedSeries[] {
    let plan = this.plans.get(layout);
    if (plan === undefined) {
      plan = planLayout(layout, this.families);
      this.plans.set(layout, plan);
    }
    return plan;
  }

  /** OpenMetrics has seconds, the older format milliseconds. */
  private setStamp(time: number, format: Format): void {
    const { stamp } = this;
    stamp.length = 0;
    if (this.options.timestamps) {
      stamp.buffer[stamp.length++] = SPACE;
      const millis = Math.floor(time / 1000);
      if (format === 'text') stamp.integer(millis);
      else writeQuotient(stamp, millis, 0, 1000);
    }
    stamp.buffer[stamp.length++] = NEWLINE;
  }

  private appendStamp(out: ByteWriter): void {
    const { buffer, length } = this.stamp;
    out.reserve(length);
    const to = out.buffer;
    for (let i = 0; i < length; i++) to[out.length + i] = buffer[i]!;
    out.length += length;
  }
}

function assertInTime({ signal, at }: Deadline, now: number): void {
  if (signal.aborted) throw signal.reason;
  if (now > at) {
    throw new RequestError(503, 'the metrics could not be written within the time that the client waits for them');
  }
}

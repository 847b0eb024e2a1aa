import { setImmediate as nextTurn } from 'node:timers/promises';
import { type AgentView, type Clock, RequestError } from '../../../kernel/contracts/index.js';
import type { AgentMetrics, SeriesCount } from './agent-metrics.js';
import type { ContainerWriter } from './container-writer.js';
import { writeEngines } from './engine-metrics.js';
import { writeMachine } from './machine-metrics.js';
import type { PrometheusOptions } from './options.js';
import type { Sheet } from './sheet.js';
import type { Subject } from './subject.js';
import type { Subjects } from './subjects.js';

/** Writing yields to the event loop after this many ms. */
const SLICE = 4;
/** The clock is looked at after so many containers. */
const LOOK_EVERY = 8;

/** Until when an answer is of use. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Monotonic ms. */
  readonly at: number;
}

/** Writes answers: one walk over all containers, then the machine and the agent itself. */
export class Exposition {
  constructor(
    private readonly agent: AgentView,
    private readonly clock: Clock,
    private readonly options: PrometheusOptions,
    private readonly subjects: Subjects,
    private readonly containers: ContainerWriter,
    private readonly self: AgentMetrics,
  ) {}

  /**
   * Writes everything into the sheet, letting the event loop run in between.
   * @param namespace whose containers are wanted; undefined: all
   * @returns how many series of containers there are
   * @throws RequestError 503 when the deadline passes meanwhile
   */
  async write(sheet: Sheet, deadline: Deadline, namespace: string | undefined): Promise<SeriesCount> {
    const count = { written: 0, cut: 0 };
    let since = this.clock.monotonic();
    let spent = 0;
    const subjects = this.subjects.current(namespace);
    this.containers.applications?.begin();
    for (let i = 0; i < subjects.length; i++) {
      this.writeSubject(sheet, subjects[i]!, count);
      // One application may have as many series as many containers.
      const isTimeToLook = i % LOOK_EVERY === 0 || subjects[i]!.appMetrics !== undefined;
      const slice = isTimeToLook ? this.clock.monotonic() - since : 0;
      if (slice < SLICE) continue;
      spent += slice;
      await nextTurn();
      since = this.clock.monotonic();
      assertInTime(deadline, since);
    }
    this.subjects.reported(count);
    writeMachine(sheet, this.agent, this.options);
    writeEngines(sheet, this.agent);
    if (this.options.selfMetrics) {
      this.self.write(sheet, count);
      this.containers.applications?.writeSelf(sheet, subjects);
    }
    this.self.scraped(spent + this.clock.monotonic() - since);
    return count;
  }

  private writeSubject(sheet: Sheet, subject: Subject, count: { written: number; cut: number }): void {
    const { maxSeries } = this.options;
    if (subject.facts.isNew) subject.facts.readLimits(this.clock.monotonic());
    const now = this.clock.now();
    const most = this.containers.prepare(subject, now);
    // Once a container is left out all that follow are: which ones does not depend on their sizes then.
    const isOver = count.cut > 0 || count.written + most > maxSeries;
    if (maxSeries > 0 && isOver) count.cut += most;
    else count.written += this.containers.write(sheet, subject, now);
  }
}

function assertInTime({ signal, at }: Deadline, now: number): void {
  if (signal.aborted) throw signal.reason;
  if (now > at) {
    throw new RequestError(503, 'the metrics could not be written within the time that the client waits for them');
  }
}

import { type Clock, type SampleOutcome, TallymanError } from '../contracts/index.js';
import { SampleRow, timeAfter } from '../history/index.js';
import { BLOCKING_MS, type Supervisor } from '../supervision/index.js';
import type { Attachment } from './attachment.js';
import { stepOf } from './due-queue.js';
import { IdleCheck } from './idle-check.js';
import type { MonitoredContainer, ProbeSlot } from './monitored-container.js';

/** One of this many samples is timed and weighted accordingly: reading the clock twice per probe shows in profiles. */
const TIMED_EVERY = 16;
/** Number of samples timed probe by probe after a sample that took too long. */
const WATCHED_SAMPLES = 10_000;
/** How many times a sample is restarted because columns changed, before the changing probe is left out. */
const MAX_LAYOUTS_PER_SAMPLE = 4;

/** How long the files of idle containers may stay unread, ms. 0: they are always read. */
export interface IdleRefresh {
  readonly idleRefresh: number;
  /** The time doubles up to this while nothing is found changed. */
  readonly maxIdleRefresh: number;
}

/** Takes one sample of one container into its ring. */
export class Sampler {
  /** Samples taken since the start. */
  taken = 0;
  /** Samples in which the probes of an idle container were not read. */
  idle = 0;
  private readonly row = new SampleRow();
  /** Remaining samples that are timed probe by probe. */
  private watched = 0;
  /** Time of the sample being taken, µs since the epoch. */
  private now = 0;
  /** Whether probes that stand when idle need not be read for the sample being taken. */
  private hasSettled = false;
  private readonly idleCheck: IdleCheck;

  constructor(
    private readonly clock: Clock,
    private readonly supervisor: Supervisor,
    private readonly attachment: Attachment,
    /** Number of descriptors that the system refused so far */
    private readonly refusals: () => number = () => 0,
  ) {
    this.idleCheck = new IdleCheck(supervisor);
  }

  /**
   * @param maxAge time for which files of an idle container may stay unread at most, ms, whatever `refresh` says
   * @returns whether any number differs from the previous sample
   * @throws TallymanError when files could not be opened because no descriptors are left: a partial sample would be wrong
   */
  sample(container: MonitoredContainer, refresh: IdleRefresh, maxAge = Number.POSITIVE_INFINITY): boolean {
    this.taken++;
    this.now = this.clock.now();
    const monotonic = this.clock.monotonic();
    if (container.hasLeftOut) container.restoreLeftOut();
    const time = this.nextTime(container);
    const moved = this.idleCheck.hasMoved(container, monotonic);
    const unreadMs = monotonic - container.lastFullRead;
    const isDue = unreadMs >= container.idleRefreshMs + latenessOf(container, refresh);
    const isYoung = unreadMs < maxAge && this.hasCurrentRow(container);
    const mayRepeat = isYoung && !isDue;
    const idle = isYoung && !moved;
    if (idle && mayRepeat && container.isRepeatable) return this.repeatAll(container, time);
    // The time grows with the first read that finds nothing changed: the files have been read since the container ran.
    this.hasSettled = idle && container.idleRefreshMs > refresh.idleRefresh;
    const changed = this.sampleFiles(container, mayRepeat, idle && mayRepeat, time, monotonic);
    if (moved || changed) container.idleRefreshMs = refresh.idleRefresh;
    else if (isDue) container.idleRefreshMs = nextRefresh(container.idleRefreshMs, refresh);
    return changed;
  }

  /** Whether the newest sample has the columns of now. */
  private hasCurrentRow({ ring, latest, layout }: MonitoredContainer): boolean {
    return ring.latest(latest) && latest.layout === layout;
  }

  /** Stores the numbers of the previous sample again. */
  private repeatAll(container: MonitoredContainer, time: number): boolean {
    const { ring, latest } = container;
    ring.repeat(time);
    ring.latest(latest);
    this.summarize(container, time);
    this.idle++;
    return false;
  }

  private sampleFiles(
    container: MonitoredContainer,
    mayRepeat: boolean,
    idle: boolean,
    time: number,
    monotonic: number,
  ): boolean {
    const { lastFullRead } = container;
    // Until the sample is stored: if that fails, the activity just seen must lead to a full read next time.
    container.lastFullRead = Number.NEGATIVE_INFINITY;
    const refusals = this.refusals();
    const isIdle = this.fill(container, mayRepeat, idle);
    if (this.watched > 0) this.watched--;
    if (this.clock.monotonic() - monotonic >= BLOCKING_MS) this.watched = WATCHED_SAMPLES;
    if (this.refusals() !== refusals) throw new TallymanError('the process has no descriptors left');
    const changed = this.store(container, time);
    if (isIdle) this.idle++;
    container.lastFullRead = this.row.isRepeated ? lastFullRead : monotonic;
    return changed;
  }

  /** Fills the row for the container's layout. @returns whether idle probes were not read */
  private fill(container: MonitoredContainer, mayRepeat: boolean, idle: boolean): boolean {
    let unsettled = this.fillOnce(container, mayRepeat, idle);
    if (unsettled === undefined) return idle;
    for (let tries = 1; unsettled !== undefined; tries++) {
      this.hasSettled = false;
      if (tries >= MAX_LAYOUTS_PER_SAMPLE && container.slots.includes(unsettled)) container.leaveOut(unsettled);
      unsettled = this.fillOnce(container, false, false);
    }
    return false;
  }

  /** @returns the probe that changed the layout, so that the row must be filled again */
  private fillOnce(container: MonitoredContainer, mayRepeat: boolean, idle: boolean): ProbeSlot | undefined {
    const { row } = this;
    row.begin(container.layout.columns.length, mayRepeat ? container.latest : undefined);
    const weight = this.taken % TIMED_EVERY === 0 ? TIMED_EVERY : 0;
    for (const slot of container.slots) {
      if (slot.isLeftOut) continue;
      row.select(slot.offset, slot.columns.length);
      if (idle && slot.probe.skipWhenIdle === true) {
        row.repeat(0, slot.columns.length);
        continue;
      }
      if (this.hasSettled && slot.probe.standsWhenIdle === true && row.carryOver(container.latest)) continue;
      const outcome = this.sampleOf(slot, slot.source.record.isTimedAlways ? 1 : weight);
      const isCurrentLayout = slot.probe.columns === slot.columns || !container.updateLayout();
      if (outcome === 'ok' && isCurrentLayout) continue;
      if (outcome === 'ended') this.attachment.end(container, slot);
      return slot;
    }
    return undefined;
  }

  private sampleProbe(slot: ProbeSlot): SampleOutcome {
    const { record } = slot.source;
    if (record.state === 'open' && record.isOpen(this.clock.monotonic())) return 'ok';
    try {
      const outcome = slot.probe.sample(this.row);
      record.succeeded(this.now);
      return outcome;
    } catch (error) {
      // It wrote a row of its new columns.
      if (error instanceof RangeError && slot.probe.columns !== slot.columns) return 'layout-changed';
      this.supervisor.fault(record, 'sample', error);
      this.row.forget();
      return 'ok';
    }
  }

  /** @param weight number of calls that this one counts for; 0: it is not timed */
  private sampleOf(slot: ProbeSlot, weight: number): SampleOutcome {
    if (weight === 0 && this.watched === 0) return this.sampleProbe(slot);
    const { record } = slot.source;
    const started = this.clock.monotonic();
    const outcome = this.supervisor.runAs(record, () => this.sampleProbe(slot));
    const ms = this.clock.monotonic() - started;
    record.calls += weight;
    record.busyMs += ms * weight;
    this.supervisor.checkDuration(record, 'sample', ms);
    return outcome;
  }

  private store(container: MonitoredContainer, time: number): boolean {
    const { ring, layout, latest } = container;
    const changed = ring.push(layout, time, this.row);
    ring.latest(latest);
    this.summarize(container, time);
    return changed;
  }

  private summarize(
    { summarizer, latest: { values }, cpuColumn, memoryColumn }: MonitoredContainer,
    time: number,
  ): void {
    summarizer.add(
      time,
      cpuColumn < 0 ? Number.NaN : values[cpuColumn]!,
      memoryColumn < 0 ? Number.NaN : values[memoryColumn]!,
    );
  }

  /** The time of the sample; later than the previous one. */
  private nextTime({ ring, summarizer }: MonitoredContainer): number {
    const time = timeAfter(ring.latestTime, this.now);
    if (!Number.isNaN(time)) return time;
    ring.clear();
    summarizer.restart();
    return this.now;
  }
}

/** Samples that are as far apart as files may stay unread are up to a step late: without it all of them would read the files. */
function latenessOf({ interval }: MonitoredContainer, { maxIdleRefresh }: IdleRefresh): number {
  return interval >= maxIdleRefresh ? stepOf(interval) : 0;
}

/** Between one and a half times and twice as long, so that containers that started together are not read together. */
function nextRefresh(current: number, { idleRefresh, maxIdleRefresh }: IdleRefresh): number {
  if (idleRefresh === 0) return 0;
  return Math.max(idleRefresh, Math.min(current * (1.5 + Math.random() / 2), maxIdleRefresh));
}

import { type Clock, type SampleOutcome, TallymanError } from '../contracts/index.js';
import { SampleRow, timeAfter } from '../history/index.js';
import { BLOCKING_MS, type Supervisor } from '../supervision/index.js';
import type { Attachment } from './attachment.js';
import type { MonitoredContainer, ProbeSlot } from './monitored-container.js';

/** Only every so many samples are timed, and counted for as many: reading the clock twice per probe shows in a profile. */
const TIMED_EVERY = 16;
/** Samples that are timed probe by probe after one that took too long: whatever it was may come again. */
const WATCHED_AFTER = 10_000;
/** How often a sample is begun anew because columns changed, before it is taken without those that change. */
const MOST_LAYOUTS_PER_SAMPLE = 4;

/** Takes one sample of one container into its ring. */
export class Sampler {
  /** Samples taken since the start. */
  taken = 0;
  /** Samples in which the probes of an idle container were not read. */
  idle = 0;
  private readonly row = new SampleRow();
  /** Samples that are still timed probe by probe, as one took too long. */
  private watched = 0;
  /** Time of the sample being taken, µs since the epoch. */
  private now = 0;

  constructor(
    private readonly clock: Clock,
    private readonly supervisor: Supervisor,
    private readonly attachment: Attachment,
    /** How often the system has refused a descriptor so far */
    private readonly refusals: () => number = () => 0,
  ) {}

  /**
   * @param idleRefresh ms for which an idle container's files may stay unread; 0: they are read
   * @returns true when any number differs from the sample before
   * @throws TallymanError when files could not be opened for want of descriptors: half a sample would be a wrong one
   */
  sample(container: MonitoredContainer, idleRefresh: number): boolean {
    this.taken++;
    this.now = this.clock.now();
    const monotonic = this.clock.monotonic();
    if (container.hasLeftOut) container.takeBack();
    const { lastFullRead } = container;
    const idle = this.isIdle(container, monotonic, idleRefresh);
    // Until the sample is stored: a change that the signs of activity told of may not have been read.
    container.lastFullRead = Number.NEGATIVE_INFINITY;
    const refusals = this.refusals();
    const isRepeated = this.fill(container, idle);
    if (this.watched > 0) this.watched--;
    if (this.clock.monotonic() - monotonic >= BLOCKING_MS) this.watched = WATCHED_AFTER;
    if (this.refusals() !== refusals) throw new TallymanError('the process has no descriptors left');
    const changed = this.store(container);
    if (isRepeated) this.idle++;
    container.lastFullRead = isRepeated ? lastFullRead : monotonic;
    return changed;
  }

  /** Reads every probe's cheap sign of activity (all of them: the next sample compares with these). */
  private isIdle(container: MonitoredContainer, monotonic: number, idleRefresh: number): boolean {
    let signs = 0;
    let moved = false;
    for (const slot of container.slots) {
      if (slot.probe.activity === undefined) continue;
      signs++;
      const activity = this.activityOf(slot);
      if (activity !== slot.activity) moved = true;
      slot.activity = activity;
    }
    if (moved || signs === 0 || monotonic - container.lastFullRead >= idleRefresh) return false;
    return container.ring.latest(container.latest) && container.latest.layout === container.layout;
  }

  private activityOf(slot: ProbeSlot): number {
    try {
      return slot.probe.activity!();
    } catch (error) {
      this.supervisor.fault(slot.source.record, 'activity', error);
      return Number.NaN;
    }
  }

  /** Fills the row for the container's layout. @returns whether idle probes were not read */
  private fill(container: MonitoredContainer, idle: boolean): boolean {
    let unsettled = this.fillOnce(container, idle);
    if (unsettled === undefined) return idle;
    for (let tries = 1; unsettled !== undefined; tries++) {
      if (tries >= MOST_LAYOUTS_PER_SAMPLE && container.slots.includes(unsettled)) container.leaveOut(unsettled);
      unsettled = this.fillOnce(container, false);
    }
    return false;
  }

  /** @returns the probe because of which the layout changed, so that the row must be filled again */
  private fillOnce(container: MonitoredContainer, idle: boolean): ProbeSlot | undefined {
    const { row } = this;
    row.begin(container.layout.columns.length);
    const weight = this.taken % TIMED_EVERY === 0 ? TIMED_EVERY : 0;
    for (const slot of container.slots) {
      if (slot.isLeftOut) continue;
      row.select(slot.offset, slot.columns.length);
      if (idle && slot.probe.skipWhenIdle === true) {
        this.repeat(container, slot);
        continue;
      }
      const outcome = this.sampleOf(slot, slot.source.record.isTimedAlways ? 1 : weight);
      const isLaidOut = slot.probe.columns === slot.columns || !container.arrange();
      if (outcome === 'ok' && isLaidOut) continue;
      if (outcome === 'ended') this.attachment.end(container, slot);
      return slot;
    }
    return undefined;
  }

  /** Copies a probe's numbers from the sample before. */
  private repeat(container: MonitoredContainer, slot: ProbeSlot): void {
    const { row } = this;
    const { values, residuals } = container.latest;
    const base = container.latest.base + slot.offset;
    for (let i = 0; i < slot.columns.length; i++) {
      row.setExact(i, values[base + i]!, residuals === undefined ? 0 : residuals[base + i]!);
    }
  }

  private sampleProbe(slot: ProbeSlot): SampleOutcome {
    const { record } = slot.source;
    if (record.state === 'open' && record.isOpen(this.clock.monotonic())) return 'ok';
    try {
      const outcome = slot.probe.sample(this.row);
      record.succeeded(this.now);
      return outcome;
    } catch (error) {
      // What it wrote was meant for its new columns.
      if (error instanceof RangeError && slot.probe.columns !== slot.columns) return 'layout-changed';
      this.supervisor.fault(record, 'sample', error);
      this.row.forget();
      return 'ok';
    }
  }

  /** @param weight for how many calls this one is counted; 0: it is not timed */
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

  private store(container: MonitoredContainer): boolean {
    const { row } = this;
    const { ring, layout, summarizer, latest } = container;
    const time = this.straighten(container);
    const changed = !ring.latest(latest) || latest.layout !== layout || this.differs(container);
    ring.push(layout, time, row);
    ring.latest(latest);
    const { cpuColumn, memoryColumn } = container;
    summarizer.add(
      time,
      cpuColumn < 0 ? Number.NaN : row.values[cpuColumn]!,
      memoryColumn < 0 ? Number.NaN : row.values[memoryColumn]!,
    );
    return changed;
  }

  /** The sample's time, made to come after the one before. */
  private straighten({ ring, summarizer }: MonitoredContainer): number {
    const time = timeAfter(ring.latestTime, this.now);
    if (!Number.isNaN(time)) return time;
    ring.clear();
    summarizer.restart();
    return this.now;
  }

  private differs(container: MonitoredContainer): boolean {
    const { values, base } = container.latest;
    const { values: now, width } = this.row;
    for (let i = 0; i < width; i++) {
      const value = now[i]!;
      const before = values[base + i]!;
      if (value !== before && !(Number.isNaN(value) && Number.isNaN(before))) return true;
    }
    return false;
  }
}

import { type Container, type Lack, Slot } from '../containers/index.js';
import type { Column, FieldRole, Layout, Probe, SampleCursor, SamplePart } from '../contracts/index.js';
import { type LayoutTable, SampleRing, UsageSummarizer } from '../history/index.js';
import type { ActivePlugin } from '../supervision/index.js';
import type { Due } from './due-queue.js';

export type SourcePlugin = ActivePlugin<'metric-source'>;

/** A probe of this container and its part of the row. */
export interface ProbeSlot {
  readonly source: SourcePlugin;
  readonly probe: Probe;
  /** First column of its part in the layout. */
  offset: number;
  /** The columns that the layout has of it. */
  columns: readonly Column[];
  /** Whether the newest sample lacks it because its columns changed at every read. */
  isLeftOut: boolean;
  /** The last result of `activity()`; NaN before the first. */
  activity: number;
}

const NO_COLUMNS: readonly Column[] = [];

/** Why a source has no probe for a container. */
export interface Absence extends Lack {
  /** Whether the absence is normal and not reported. */
  readonly expected: boolean;
}

/** The state of housekeeping of a container. */
export const SAMPLING = new Slot<MonitoredContainer>('housekeeping');

/** A container under housekeeping: its probes, its samples, and when it is due next. */
export class MonitoredContainer implements Due {
  due = 0;
  place = -1;
  /** Time slot the sample belongs to, without jitter; monotonic ms. */
  nominalDue = 0;
  /** Current interval, ms; grows while the container is idle. */
  interval: number;
  /** Until when it counts as being looked at, monotonic ms. */
  watchedUntil = Number.NEGATIVE_INFINITY;
  /** How long the files of the idle container may stay unread, ms; grows while they are found unchanged. */
  idleRefreshMs = 0;
  /** Factor by which the budget lengthens the shortest interval. */
  stretch = 1;
  /** Time spent on its samples, ms. */
  busyMs = 0;
  /** Whether a client asked for it by name since the budget last looked. */
  isRequested = false;
  /** Monotonic ms of the last sample that read every file. */
  lastFullRead = Number.NEGATIVE_INFINITY;
  /** Monotonic ms at which absent sources are asked again. */
  nextRetryAt = 0;
  /** How many times absent sources were asked again. */
  retries = 0;
  slots: ProbeSlot[] = [];
  /** The probe that reads the CPU time. */
  cpuTimeSlot: ProbeSlot | undefined;
  /** Other probes whose activity is read for each sample. */
  activitySlots: readonly ProbeSlot[] = [];
  /** Whether no probe has to be read while the container is idle. */
  isRepeatable = false;
  /** The last CPU time read, and the parent's that was read before it; NaN: unknown. */
  cpuTime = Number.NaN;
  parentCpuTime = Number.NaN;
  /** Monotonic ms at which `cpuTime` was the container's. */
  cpuTimeReadAt = Number.NEGATIVE_INFINITY;
  /** How many samples the parent is not asked for: it was found running `busyChecks` times, roughly. */
  skippedChecks = 0;
  busyChecks = 0;
  isRemoved = false;
  absences: Absence[] = [];
  parts: ReadonlySet<SamplePart> = new Set();
  layout: Layout;
  cpuColumn = -1;
  memoryColumn = -1;
  private oomColumn = -1;
  private oomKills = Number.NaN;
  attached = false;
  /** Whether any probe was left out of the newest sample. */
  hasLeftOut = false;
  readonly ring: SampleRing;
  readonly summarizer = new UsageSummarizer();
  /** Points at the newest sample after each one; reused. It has all members from the start, so that none is added later. */
  readonly latest = {
    layout: undefined,
    time: 0,
    values: undefined,
    residuals: undefined,
    base: 0,
  } as unknown as SampleCursor;

  constructor(
    readonly container: Container,
    private readonly layouts: LayoutTable,
    interval: number,
    historyDurationUs: number,
    private parent?: MonitoredContainer,
  ) {
    this.interval = interval;
    this.ring = new SampleRing(historyDurationUs);
    this.layout = layouts.intern([]);
  }

  get name(): string {
    return this.container.name;
  }

  /** The nearest container above, other than the machine, that is still there. */
  livingParent(): MonitoredContainer | undefined {
    while (this.parent?.isRemoved === true) this.parent = this.parent.parent;
    return this.parent;
  }

  /**
   * Lays out the columns of all probes. When the layout changes, the next sample starts a new segment.
   * @returns whether it changed
   */
  updateLayout(): boolean {
    const columns: Column[] = [];
    for (const slot of this.slots) {
      slot.offset = columns.length;
      slot.columns = slot.isLeftOut ? NO_COLUMNS : slot.probe.columns;
      columns.push(...slot.columns);
    }
    const before = this.layout;
    this.layout = this.layouts.intern(columns);
    this.parts = new Set(this.slots.map(({ source }) => source.instance.part));
    const withRole = (role: FieldRole) => columns.findIndex(({ field }) => field.role === role);
    this.cpuColumn = withRole('cpu-time');
    this.memoryColumn = withRole('working-set');
    this.oomColumn = withRole('oom-kills');
    this.lastFullRead = Number.NEGATIVE_INFINITY;
    this.findActivitySlots();
    return this.layout !== before;
  }

  private findActivitySlots(): void {
    const slots = this.slots.filter(({ probe }) => probe.activity !== undefined);
    const cpuTimeSlot = slots.find(({ probe }) => probe.activityKind === 'cpu-time');
    if (cpuTimeSlot !== this.cpuTimeSlot) this.cpuTime = this.parentCpuTime = Number.NaN;
    this.cpuTimeSlot = cpuTimeSlot;
    this.activitySlots = slots.filter(
      (slot) => slot !== cpuTimeSlot && (slot.probe.activityKind !== 'usage' || cpuTimeSlot === undefined),
    );
    this.isRepeatable = this.slots.every(({ probe, isLeftOut }) => probe.skipWhenIdle === true && !isLeftOut);
  }

  /** Excludes this probe from the sample. */
  leaveOut(slot: ProbeSlot): void {
    slot.isLeftOut = true;
    this.hasLeftOut = true;
    this.updateLayout();
  }

  /** Includes again the probes that the previous sample left out. */
  restoreLeftOut(): void {
    for (const slot of this.slots) slot.isLeftOut = false;
    this.hasLeftOut = false;
    this.updateLayout();
  }

  /** OOM kills since the previous sample. */
  newOomKills(): number {
    if (this.oomColumn < 0 || this.latest.layout !== this.layout) return 0;
    const before = this.oomKills;
    const now = this.latest.values[this.latest.base + this.oomColumn]!;
    if (Number.isNaN(now)) return 0;
    this.oomKills = now;
    return now > before ? now - before : 0;
  }
}

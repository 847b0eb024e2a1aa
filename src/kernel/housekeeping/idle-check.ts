import type { Supervisor } from '../supervision/index.js';
import type { MonitoredContainer, ProbeSlot } from './monitored-container.js';

/** CPU time that was read this recently, in ms, is taken as that of now: samples are taken in batches of about 4 ms. */
const FRESH_MS = 5;
/** A parent that was found running is asked again after at most this many samples of a child. */
const MAX_SKIPPED_CHECKS = 31;

/** Finds out whether a container was active, with as few reads as possible. */
export class IdleCheck {
  constructor(private readonly supervisor: Supervisor) {}

  /**
   * Whether the container did anything since the previous call, or whether that is unknown.
   * @param now monotonic ms
   */
  hasMoved(container: MonitoredContainer, now: number): boolean {
    const { cpuTimeSlot } = container;
    let moved = cpuTimeSlot === undefined && container.activitySlots.length === 0;
    if (cpuTimeSlot !== undefined) {
      const cpuTime = this.cpuTimeOf(container, cpuTimeSlot, now);
      if (cpuTime !== cpuTimeSlot.activity) moved = true;
      cpuTimeSlot.activity = cpuTime;
    }
    // All are read also after a change: the next sample compares with all of them.
    for (const slot of container.activitySlots) {
      const activity = this.read(slot);
      if (activity !== slot.activity) moved = true;
      slot.activity = activity;
    }
    return moved;
  }

  /**
   * A parent's CPU time includes that of everything below it: while it stands still, so does the container's. It is read
   * before the container's own, so that no time can fall between the two.
   */
  private cpuTimeOf(container: MonitoredContainer, slot: ProbeSlot, now: number): number {
    if (now - container.cpuTimeReadAt < FRESH_MS) return container.cpuTime;
    const parentTime = this.parentTimeOf(container, now);
    if (parentTime !== container.parentCpuTime || Number.isNaN(container.cpuTime)) {
      container.parentCpuTime = parentTime;
      container.cpuTime = this.read(slot);
    }
    container.cpuTimeReadAt = now;
    return container.cpuTime;
  }

  /** @returns NaN when no parent has the answer, or when asking it is not worth a read */
  private parentTimeOf(container: MonitoredContainer, now: number): number {
    const parent = container.livingParent();
    if (parent?.cpuTimeSlot === undefined) return Number.NaN;
    if (container.skippedChecks > 0) {
      container.skippedChecks--;
      return Number.NaN;
    }
    const known = container.parentCpuTime;
    const parentTime = this.cpuTimeOf(parent, parent.cpuTimeSlot, now);
    if (parentTime === known) container.busyChecks = 0;
    else if (!Number.isNaN(known)) {
      container.busyChecks = Math.min(container.busyChecks * 2 + 1, MAX_SKIPPED_CHECKS);
      container.skippedChecks = container.busyChecks;
    }
    return parentTime;
  }

  private read(slot: ProbeSlot): number {
    try {
      return slot.probe.activity!();
    } catch (error) {
      this.supervisor.fault(slot.source.record, 'activity', error);
      return Number.NaN;
    }
  }
}

import type { ContainerDescription } from '../contracts/index.js';
import type { Supervisor } from '../supervision/index.js';
import type { MonitoredContainer, ProbeSlot, SourcePlugin } from './monitored-container.js';

/** Delays before absent sources are asked again: the files of a cgroup can appear after its directory. */
const RETRY_DELAYS_MS = [1_000, 10_000, 60_000];

/** Whether the container's processes or storage changed, so that its probes must be created anew. */
export function needsNewProbes(now: ContainerDescription, previous: ContainerDescription): boolean {
  const sameProcess = now.pid === previous.pid && now.networkMode === previous.networkMode;
  return !sameProcess || JSON.stringify(now.storage) !== JSON.stringify(previous.storage);
}

/** Attaches metric sources to containers and detaches them. */
export class Attachment {
  /** Sources that are attached to no container for now: plugin ID → why. */
  readonly suspended = new Map<string, string>();

  constructor(private readonly supervisor: Supervisor) {}

  /** Attaches every source: to a new container, and when its cgroups or processes changed. */
  attachAll(container: MonitoredContainer, sources: readonly SourcePlugin[], now: number): void {
    this.detachAll(container);
    for (const source of sources) this.attach(container, source);
    container.attached = true;
    container.retries = 0;
    container.nextRetryAt = now + RETRY_DELAYS_MS[0]!;
    // What was pushed to has room for 17.
    container.slots = container.slots.slice();
    container.absences = container.absences.slice();
    container.updateLayout();
  }

  /** Asks absent sources again when the delay is over. @returns whether the layout changed */
  retryAbsent(container: MonitoredContainer, sources: readonly SourcePlugin[], now: number): boolean {
    if (now < container.nextRetryAt) return false;
    container.retries++;
    container.nextRetryAt = now + RETRY_DELAYS_MS[Math.min(container.retries, RETRY_DELAYS_MS.length - 1)]!;
    const missing = new Set(container.absences.filter(({ expected }) => !expected).map(({ what }) => what));
    if (missing.size === 0) return false;
    container.absences = container.absences.filter(({ expected }) => expected);
    const before = container.slots.length;
    for (const source of sources) if (missing.has(source.record.id)) this.attach(container, source);
    if (container.slots.length === before) return false;
    container.slots.sort((a, b) => sources.indexOf(a.source) - sources.indexOf(b.source));
    container.updateLayout();
    return true;
  }

  /** Attaches a source that was added later. */
  attachOne(container: MonitoredContainer, source: SourcePlugin): void {
    if (!container.attached) return;
    this.attach(container, source);
    container.updateLayout();
  }

  /** Detaches a source that stops. */
  detachOne(container: MonitoredContainer, source: SourcePlugin): void {
    for (const slot of container.slots) if (slot.source === source) this.close(slot);
    container.slots = container.slots.filter((slot) => slot.source !== source);
    container.absences = container.absences.filter(({ what }) => what !== source.record.id);
    container.updateLayout();
  }

  /** Detaches a source that is suspended, and says why it is absent. */
  suspendOne(container: MonitoredContainer, source: SourcePlugin, reason: string): void {
    if (!container.slots.some((slot) => slot.source === source)) return;
    this.detachOne(container, source);
    container.absences.push({ what: source.record.id, reason, expected: false });
  }

  /** Closes a probe whose files are gone. */
  end(container: MonitoredContainer, slot: ProbeSlot): void {
    this.close(slot);
    container.slots = container.slots.filter((other) => other !== slot);
    container.absences.push({
      what: slot.source.record.id,
      reason: 'the files that it reads are gone',
      expected: false,
    });
    container.updateLayout();
  }

  detachAll(container: MonitoredContainer): void {
    for (const slot of container.slots) this.close(slot);
    container.slots = [];
    container.absences = [];
    container.attached = false;
  }

  private attach(container: MonitoredContainer, source: SourcePlugin): void {
    const { record, instance } = source;
    const suspended = this.suspended.get(record.id);
    if (suspended !== undefined) {
      container.absences.push({ what: record.id, reason: suspended, expected: false });
      return;
    }
    const result = this.supervisor.guard(record, `attach to ${container.name}`, () =>
      instance.attach(container.container),
    );
    if (result === undefined) {
      const reason = record.lastError ?? 'the plugin is paused after repeated faults';
      container.absences.push({ what: record.id, reason, expected: false });
    } else if ('absent' in result) {
      container.absences.push({ what: record.id, reason: result.absent, expected: result.expected ?? false });
    } else {
      const { columns } = result;
      container.slots.push({ source, probe: result, offset: 0, columns, isLeftOut: false, activity: Number.NaN });
    }
  }

  private close(slot: ProbeSlot): void {
    this.supervisor.guard(slot.source.record, 'close', () => slot.probe.close());
  }
}

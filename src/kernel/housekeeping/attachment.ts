import type { ContainerDescription, ProbeTarget } from '../contracts/index.js';
import type { Supervisor } from '../supervision/index.js';
import type { MonitoredContainer, ProbeSlot, SourcePlugin } from './monitored-container.js';

/** Pauses (ms) before absent sources are asked again: a cgroup's files can appear after its directory. */
const LOOKS = [1_000, 10_000, 60_000];

function targetOf(container: MonitoredContainer): ProbeTarget {
  const { container: record } = container;
  return {
    name: record.name,
    isRoot: record.name === '/',
    cgroup: record.cgroup,
    get description() {
      return record.description;
    },
  };
}

/** Whether probes of a container that was described as `previous` read what is not its own any more. */
export function needsOtherProbes(now: ContainerDescription, previous: ContainerDescription): boolean {
  const sameProcess = now.pid === previous.pid && now.networkMode === previous.networkMode;
  return !sameProcess || JSON.stringify(now.storage) !== JSON.stringify(previous.storage);
}

/** Binds metric sources to containers and lets go of them. */
export class Attachment {
  constructor(private readonly supervisor: Supervisor) {}

  /** Attaches every source anew: at first sight, and when the container's cgroups or processes changed. */
  attachAll(container: MonitoredContainer, sources: readonly SourcePlugin[], now: number): void {
    this.detachAll(container);
    for (const source of sources) this.attach(container, source);
    container.attached = true;
    container.looks = 0;
    container.nextLook = now + LOOKS[0]!;
    container.arrange();
  }

  /** Asks the sources that had nothing again, when their time has come. @returns true when the layout changed */
  lookAgain(container: MonitoredContainer, sources: readonly SourcePlugin[], now: number): boolean {
    if (now < container.nextLook) return false;
    container.looks++;
    container.nextLook = now + LOOKS[Math.min(container.looks, LOOKS.length - 1)]!;
    const missing = new Set(container.absences.filter(({ expected }) => !expected).map(({ what }) => what));
    if (missing.size === 0) return false;
    container.absences = container.absences.filter(({ expected }) => expected);
    const before = container.slots.length;
    for (const source of sources) if (missing.has(source.record.id)) this.attach(container, source);
    if (container.slots.length === before) return false;
    container.slots.sort((a, b) => sources.indexOf(a.source) - sources.indexOf(b.source));
    container.arrange();
    return true;
  }

  /** Attaches one source, which came late. */
  attachOne(container: MonitoredContainer, source: SourcePlugin): void {
    if (!container.attached) return;
    this.attach(container, source);
    container.arrange();
  }

  /** Lets go of a source that stops. */
  detachOne(container: MonitoredContainer, source: SourcePlugin): void {
    for (const slot of container.slots) if (slot.source === source) this.close(slot);
    container.slots = container.slots.filter((slot) => slot.source !== source);
    container.absences = container.absences.filter(({ what }) => what !== source.record.id);
    container.arrange();
  }

  /** Ends one probe, because what it reads is gone. */
  end(container: MonitoredContainer, slot: ProbeSlot): void {
    this.close(slot);
    container.slots = container.slots.filter((other) => other !== slot);
    container.absences.push({ what: slot.source.record.id, reason: 'what it reads is gone', expected: false });
    container.arrange();
  }

  detachAll(container: MonitoredContainer): void {
    for (const slot of container.slots) this.close(slot);
    container.slots = [];
    container.absences = [];
    container.attached = false;
  }

  private attach(container: MonitoredContainer, source: SourcePlugin): void {
    const { record, instance } = source;
    const result = this.supervisor.guard(record, `attach to ${container.name}`, () =>
      instance.attach(targetOf(container)),
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

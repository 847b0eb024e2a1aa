import type { MonitoredContainer } from './monitored-container.js';

/** Waits for the first sample of containers. */
export class FirstSamples {
  private readonly awaited = new Set<MonitoredContainer>();
  private readonly waiting: (() => void)[] = [];

  /** Resolves when each of these, and of those of earlier calls, is settled. */
  of(containers: readonly MonitoredContainer[]): Promise<void> {
    for (const container of containers) this.awaited.add(container);
    if (this.awaited.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** To be called when a sample was taken or has failed, or the container is gone. */
  settled(container: MonitoredContainer): void {
    if (this.awaited.size === 0 || !this.awaited.delete(container) || this.awaited.size > 0) return;
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

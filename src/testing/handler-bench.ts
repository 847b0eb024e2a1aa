import type { ContainerDescription, ContainerHandler, Identification } from '../kernel/contracts/index.js';
import { until } from './clock.js';

/** Stands for the container registry: asks a handler about paths, again whenever the handler says so. */
export class HandlerBench {
  /** The last verdict on each watched path. */
  readonly verdicts = new Map<string, Identification>();
  /** How often each path was to be looked at again. */
  readonly reconsidered = new Map<string, number>();
  /** How often the handler said that its findings may be different. */
  findingsChanges = 0;

  constructor(readonly handler: ContainerHandler) {}

  async start(): Promise<void> {
    await this.handler.start?.({
      reconsider: (path) => {
        this.reconsidered.set(path, (this.reconsidered.get(path) ?? 0) + 1);
        this.watch(path);
      },
      reconsiderAll: () => {
        for (const [path, { verdict }] of this.verdicts) if (verdict !== 'pass') this.watch(path);
      },
      findingsChanged: () => {
        this.findingsChanges++;
      },
    });
  }

  /** A cgroup appeared. */
  watch(path: string): Identification {
    const verdict = this.handler.identify(path);
    this.verdicts.set(path, verdict);
    return verdict;
  }

  /** Asks about a path until the handler is no longer waiting for it. @returns its verdict */
  async settled(path: string): Promise<Identification> {
    this.watch(path);
    await until(
      () => this.verdicts.get(path)?.verdict !== 'pending',
      () => `${path} is ${JSON.stringify(this.verdicts.get(path))}`,
    );
    return this.verdicts.get(path)!;
  }

  /** The description under which a path is accepted now. */
  description(path: string): ContainerDescription | undefined {
    const verdict = this.verdicts.get(path);
    return verdict?.verdict === 'accept' ? verdict.description : undefined;
  }

  /** Waits until the path is accepted, and with a description that fits. */
  async accepted(
    path: string,
    fits: (description: ContainerDescription) => boolean = () => true,
  ): Promise<ContainerDescription> {
    await until(
      () => {
        const description = this.description(path);
        return description !== undefined && fits(description);
      },
      () => `${path} is ${JSON.stringify(this.verdicts.get(path))}`,
    );
    return this.description(path)!;
  }
}

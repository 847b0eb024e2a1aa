import type { ContainerRegistrar } from '../contracts/index.js';

export interface DiscoveryRequestHandler {
  reconsider(name: string): void;
  reconsiderAll(handlerId: string): void;
  recheck(name: string): void;
}

/**
 * Requests of container handlers, and of rooms that find a cgroup's files gone, to examine cgroups again. Requests
 * before discovery starts are dropped, because it examines everything at its start.
 */
export class DiscoveryRequests {
  private handler: DiscoveryRequestHandler | undefined;
  private readonly findingsListeners: (() => void)[] = [];

  /** Sets the handler of all later requests. */
  handleBy(handler: DiscoveryRequestHandler): void {
    this.handler = handler;
  }

  onFindingsChanged(listener: () => void): void {
    this.findingsListeners.push(listener);
  }

  /** Examines a cgroup again, one of whose files was gone. */
  recheck(name: string): void {
    this.handler?.recheck(name);
  }

  /** The requests that a container handler may make. */
  registrarOf(handlerId: string): ContainerRegistrar {
    return {
      reconsider: (path) => this.handler?.reconsider(path),
      reconsiderAll: () => this.handler?.reconsiderAll(handlerId),
      findingsChanged: () => this.tellFindingsChanged(),
    };
  }

  /** Requests another examination of the findings. */
  tellFindingsChanged(): void {
    for (const listener of this.findingsListeners) listener();
  }
}

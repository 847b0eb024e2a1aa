import type { ContainerRegistrar } from '../contracts/index.js';

/** Does what is asked of discovery. */
export interface DiscoveryRequestHandler {
  reconsider(name: string): void;
  reconsiderAll(handlerId: string): void;
  recheck(name: string): void;
}

/**
 * What container handlers, and whoever finds a cgroup's files gone, ask to be looked at again. Requests from before
 * somebody handles them need no answer: everything is looked at then.
 */
export class DiscoveryRequests {
  private handler: DiscoveryRequestHandler | undefined;
  private readonly findingsListeners: (() => void)[] = [];

  /** Passes all requests from now on to this handler. */
  handleBy(handler: DiscoveryRequestHandler): void {
    this.handler = handler;
  }

  onFindingsChanged(listener: () => void): void {
    this.findingsListeners.push(listener);
  }

  /** Looks again at a cgroup whose file said that it is gone. */
  recheck(name: string): void {
    this.handler?.recheck(name);
  }

  /** What a container handler may ask for. */
  registrarOf(handlerId: string): ContainerRegistrar {
    return {
      reconsider: (path) => this.handler?.reconsider(path),
      reconsiderAll: () => this.handler?.reconsiderAll(handlerId),
      findingsChanged: () => {
        for (const listener of this.findingsListeners) listener();
      },
    };
  }
}

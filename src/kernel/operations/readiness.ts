import { Token } from '../composition/index.js';
import { whenHandlersAnswered } from '../containers/index.js';
import type { Discovery } from '../discovery/index.js';
import type { Housekeeper } from '../housekeeping/index.js';
import type { ActivePlugins } from '../supervision/index.js';

export const READINESS = new Token<Readiness>('readiness');

/** How long readiness waits for container engines: longer than the timeout of a call. */
const ENGINE_TIMEOUT_MS = 15_000;

/** Ready once container engines have answered or timed out and every container known then has been sampled. */
export class Readiness {
  /** Why the agent is not ready; `undefined` when it is. */
  awaited: string | undefined = 'the agent is starting';
  private ready: Promise<void> = Promise.resolve();

  constructor(
    private readonly plugins: ActivePlugins,
    private readonly discovery: Discovery,
    private readonly housekeeper: Housekeeper,
  ) {}

  start(): void {
    this.ready = this.wait();
  }

  /** Resolves when the agent is ready. */
  whenReady(): Promise<void> {
    return this.ready;
  }

  private async wait(): Promise<void> {
    this.awaited = 'the container engines have not answered yet';
    await whenHandlersAnswered(this.plugins, ENGINE_TIMEOUT_MS);
    this.awaited = 'the containers found at start have no samples yet';
    await this.discovery.whenIdle();
    await this.housekeeper.whenSampled();
    this.awaited = undefined;
  }
}

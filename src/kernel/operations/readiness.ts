import { whenHandlersAnswered } from '../containers/index.js';
import type { Discovery } from '../discovery/index.js';
import type { Housekeeper } from '../housekeeping/index.js';
import type { ActivePlugins } from '../supervision/index.js';

/** How long readiness waits for engines: more than the time limit of a call to one. */
const ENGINE_PATIENCE_MS = 15_000;

/** Whether engines have answered, or have had their time, and every container known then has been sampled. */
export class Readiness {
  /** What is waited for; `undefined`: the agent is ready. */
  awaited: string | undefined = 'the start is not over';
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
    await whenHandlersAnswered(this.plugins, ENGINE_PATIENCE_MS);
    this.awaited = 'the containers found at start have no samples yet';
    await this.discovery.whenAsked();
    await this.housekeeper.whenSampled();
    this.awaited = undefined;
  }
}

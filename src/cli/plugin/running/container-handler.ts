import type { ContainerDescription } from '../../../kernel/contracts/index.js';
import { printContainers, printLines, type RunSetup, waitFor, withHostAgent } from './setup.js';

/** For handlers that wait for a daemon. */
const TIMEOUT_MS = 5_000;

/** Prints the cgroups that a handler accepts, with their descriptions. No other handler runs. */
export function runContainerHandler(setup: RunSetup): Promise<boolean> {
  return withHostAgent(setup, { handlers: false }, async ({ view }) => {
    await waitFor(() => view.pending().length === 0, TIMEOUT_MS);
    const none = 'It takes none of the cgroups of this host.';
    printContainers(view.containers(), setup, none, ({ description }) => printLines(factsOf(description), setup));
    for (const { name, reason } of view.pending()) setup.out(`${name} waits: ${reason}`);
    for (const { name, version, apiVersion } of view.runtimes()) {
      setup.out(`runtime ${name} ${version}, API ${apiVersion}`);
    }
  });
}

/** A description without aliases, one member a line. */
function factsOf({ aliases: _, ...description }: ContainerDescription): string[] {
  return Object.entries(description)
    .filter(([, value]) => JSON.stringify(value) !== '{}')
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`);
}

import { setTimeout as pause } from 'node:timers/promises';
import type { AgentView, ContainerDescription } from '../../../kernel/contracts/index.js';
import { fewOf, printLines, type RunSetup, sayRest, titleOf, withHostAgent } from './setup.js';

/** A handler with a daemon takes its time to know what it is asked for. ms */
const PATIENCE = 5_000;
const LOOK_EVERY = 20;

/** Prints the cgroups that a handler takes, and what it says of them. No other handler is asked. */
export function runContainerHandler(setup: RunSetup): Promise<boolean> {
  return withHostAgent(setup, { handlers: false }, async ({ view }) => {
    await whenSettled(view);
    const containers = view.containers();
    const few = fewOf(containers, setup);
    for (const container of few) {
      setup.out(titleOf(container));
      printLines(factsOf(container.description), setup);
    }
    sayRest(containers.length, few.length, 'containers', setup);
    if (containers.length === 0) setup.out('It takes none of the cgroups of this host.');
    for (const { name, reason } of view.pending()) setup.out(`${name} waits: ${reason}`);
    for (const { name, version, apiVersion } of view.runtimes())
      setup.out(`runtime ${name} ${version}, API ${apiVersion}`);
  });
}

async function whenSettled(view: AgentView): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  while (view.pending().length > 0 && performance.now() < deadline) await pause(LOOK_EVERY);
}

/** What is known besides the aliases, one fact a line. */
function factsOf({ aliases: _, ...description }: ContainerDescription): string[] {
  return Object.entries(description)
    .filter(([, value]) => JSON.stringify(value) !== '{}')
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`);
}

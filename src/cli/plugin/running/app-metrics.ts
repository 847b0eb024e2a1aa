import { setTimeout as pause } from 'node:timers/promises';
import type { AppMetricsSnapshot, AppSeries, AppTargetStatus, ContainerView } from '../../../kernel/contracts/index.js';
import type { TestAgent } from '../../../testing/index.js';
import { fewOf, printLines, type RunSetup, sayRest, titleOf, withHostAgent } from './setup.js';

/** Longer than any collection may take. ms */
const PATIENCE = 10_000;
const LOOK_EVERY = 20;

/** Prints what an app-metrics plugin collects from the containers of this host, each target once. */
export function runAppMetrics(setup: RunSetup): Promise<boolean> {
  return withHostAgent(setup, { handlers: true }, async (agent) => {
    const { view } = agent;
    await whenCollected(agent);
    const containers = view.containers();
    const collected = containers.filter((container) => targetsOf(container).length > 0);
    const few = fewOf(collected, setup);
    for (const container of few) printContainer(container, setup);
    sayRest(collected.length, few.length, 'containers', setup);
    if (collected.length === 0) {
      setup.out(`It has no target in any of the ${containers.length} containers of this host.`);
    }
  });
}

function targetsOf(container: ContainerView): readonly AppTargetStatus[] {
  return container.appMetrics?.targets ?? [];
}

async function whenCollected({ view }: TestAgent): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  const isWaiting = () =>
    view.pending().length > 0 ||
    view.containers().some((container) => targetsOf(container).some(({ collections }) => collections === 0));
  while (isWaiting() && performance.now() < deadline) await pause(LOOK_EVERY);
}

function printContainer(container: ContainerView, setup: RunSetup): void {
  setup.out(titleOf(container));
  for (const { name, error, problems, duration, dropped } of targetsOf(container)) {
    setup.out(`  target ${name}: ${error ?? `collected in ${duration.toFixed(1)} ms`}`);
    for (const problem of problems) setup.out(`  ${problem}`);
    if (dropped > 0) setup.out(`  ${dropped} samples left out because of the limits`);
  }
  const snapshots = container.appMetrics?.at(Date.now() * 1000) ?? [];
  printLines(snapshots.flatMap(samplesOf), setup);
}

/** `requests{path="/"} 12` */
function samplesOf({ series, values, residuals }: AppMetricsSnapshot): string[] {
  return series.map((one, index) => {
    const value = values[index]!;
    const exact = one.format === 'int' && !Number.isSafeInteger(value);
    return `${nameOf(one)} ${exact ? BigInt(value) + BigInt(residuals?.[index] ?? 0) : value}`;
  });
}

function nameOf({ name, labels }: AppSeries): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`;
}

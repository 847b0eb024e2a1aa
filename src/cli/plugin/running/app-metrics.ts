import type { AppMetricsSnapshot, AppSeries, AppTargetStatus, ContainerView } from '../../../kernel/contracts/index.js';
import { printContainers, printLines, type RunSetup, waitFor, withHostAgent } from './setup.js';

/** Longer than any collection may take. */
const TIMEOUT_MS = 10_000;

/** Prints what an app-metrics plugin collects from the containers of this host, each target once. */
export function runAppMetrics(setup: RunSetup): Promise<boolean> {
  return withHostAgent(setup, { handlers: true }, async ({ view }) => {
    const isCollected = (container: ContainerView) => targetsOf(container).every(({ collections }) => collections > 0);
    await waitFor(() => view.pending().length === 0 && view.containers().every(isCollected), TIMEOUT_MS);
    const containers = view.containers();
    const collected = containers.filter((container) => targetsOf(container).length > 0);
    const none = `It has no target in any of the ${containers.length} containers of this host.`;
    printContainers(collected, setup, none, (container) => printContainer(container, setup));
  });
}

function targetsOf(container: ContainerView): readonly AppTargetStatus[] {
  return container.appMetrics?.targets ?? [];
}

function printContainer(container: ContainerView, setup: RunSetup): void {
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

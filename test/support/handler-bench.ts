import { readFileSync } from 'node:fs';
import type { LinuxHost } from '../../src/kernel/contracts/index.js';
import { systemClock } from '../../src/testing/clock.js';
import { type TestContext, testContext } from '../../src/testing/context.js';

export { HandlerBench } from '../../src/testing/handler-bench.js';

/** The services a handler gets, with a real clock and real timers, and the log kept. */
export function pluginContext(): TestContext & {
  /** Label → directory, as told to the host. */
  readonly labelled: ReadonlyMap<string, string>;
} {
  const labelled = new Map<string, string>();
  const labelFilesystem = (label: string, directory: string) => void labelled.set(label, directory);
  const linux = { procText: (path: string) => readText(`/proc/${path}`), labelFilesystem } as LinuxHost;
  return { ...testContext({ id: 'docker', clock: systemClock, linux }), labelled };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

import { setTimeout as pause } from 'node:timers/promises';

/** Waits until the condition holds. @throws Error with `what` at the time limit */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: () => string,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`never came true: ${what()}`);
    await pause(5);
  }
}

import { setTimeout as pause } from 'node:timers/promises';

/** Waits until the condition holds. @throws Error with `what`, when it does not within 15 s */
export async function until(condition: () => boolean | Promise<boolean>, what: () => string): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`never came true: ${what()}`);
    await pause(5);
  }
}

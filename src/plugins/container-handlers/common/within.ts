import type { PluginContext } from '../../../kernel/contracts/index.js';

/** Settles with the work, or when the time is over or the plugin stops. */
export async function within(
  { timers, signal }: PluginContext,
  milliseconds: number,
  work: Promise<unknown>,
): Promise<void> {
  let end = () => {};
  const patience = new Promise<void>((resolve) => {
    end = resolve;
  });
  const cancel = timers.after(milliseconds, end);
  signal.addEventListener('abort', end);
  await Promise.race([work, patience]);
  signal.removeEventListener('abort', end);
  cancel();
}

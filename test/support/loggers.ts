import type { Logger } from '../../src/kernel/contracts/index.js';

export const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Adds the messages to `lines`, but those for debugging. */
export function loggerTo(lines: string[]): Logger {
  const say = (message: string) => void lines.push(message);
  return { debug() {}, info: say, warn: say, error: say };
}

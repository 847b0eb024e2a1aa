import { TallymanError } from '../contracts/index.js';
import { findUntrusted, type UntrustedPath } from './distrust.js';

/** The paths that make `file` unsafe to use as root; empty when the agent does not run as root. */
export function untrustedAsRoot(file: string): UntrustedPath[] {
  return process.geteuid?.() === 0 ? findUntrusted(file) : [];
}

/**
 * Rejects, when running as root, a file that other users could change: the config, a plugin's module.
 * @param what its name in the message: `config file`, `plugin "x"`
 * @throws TallymanError that names the file and the commands that fix it
 */
export function assertTrusted(file: string, what: string): void {
  const untrusted = untrustedAsRoot(file);
  if (untrusted.length === 0) return;
  throw new TallymanError(`${what} refused: running as root, and ${untrusted.map(({ reason }) => reason).join('; ')}`, {
    hint: untrusted.map(({ fix }) => fix).join(' && '),
  });
}

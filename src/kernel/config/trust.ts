import { TallymanError } from '../contracts/index.js';
import { type Distrust, findDistrust } from './distrust.js';

/** What speaks against using `file` as root; nothing when the agent runs as somebody else. */
export function distrustAsRoot(file: string): Distrust[] {
  return process.geteuid?.() === 0 ? findDistrust(file) : [];
}

/**
 * Refuses, when running as root, a file that others can change: the config, a plugin's module.
 * @param what how the message calls it: `config file`, `plugin "x"`
 * @throws TallymanError that names the file and the commands that mend it
 */
export function assertTrusted(file: string, what: string): void {
  const distrust = distrustAsRoot(file);
  if (distrust.length === 0) return;
  throw new TallymanError(`${what} refused: running as root, and ${distrust.map(({ reason }) => reason).join('; ')}`, {
    hint: distrust.map(({ fix }) => fix).join(' && '),
  });
}

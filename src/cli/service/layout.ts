import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { SYSTEM_DIRECTORY, SYSTEM_NAMES } from '../../kernel/config/index.js';
import { TallymanError } from '../../kernel/contracts/index.js';
import { packageFolder } from '../version.js';
import type { ServiceHost } from './host.js';

export const SERVICE = 'tallyman.service';
export const SOCKET = 'tallyman.socket';
export const USER = 'tallyman';
export const UNIT_DIRECTORY = '/etc/systemd/system';
export const DROP_IN_DIRECTORY = `${UNIT_DIRECTORY}/${SERVICE}.d`;
export const STATE_DIRECTORY = '/var/lib/tallyman';
export const DEFAULT_CONFIG = `${SYSTEM_DIRECTORY}/tallyman.yaml`;
/** Where packages of the distribution put units. */
const PACKAGED = ['/usr/lib/systemd/system', '/lib/systemd/system'];

/** A file below `config/` of this package. */
export function shipped(path: string): string {
  return readFileSync(join(packageFolder(), 'config', path), 'utf8');
}

/** The file describing the system user, for systemd-sysusers. */
export function sysusersFile(): string {
  return join(packageFolder(), 'config/systemd/tallyman.sysusers');
}

/** The unit that a package of the distribution brought: it is the package manager's business then. */
export function packagedUnit(host: ServiceHost): string | undefined {
  return PACKAGED.map((directory) => `${directory}/${SERVICE}`).find((path) => host.read(path) !== undefined);
}

/** The config files that the agent would find. */
export function configFiles(host: ServiceHost): string[] {
  const names = host.list(SYSTEM_DIRECTORY);
  return SYSTEM_NAMES.filter((name) => names.includes(name)).map((name) => `${SYSTEM_DIRECTORY}/${name}`);
}

export function userExists(host: ServiceHost): boolean {
  return host.run('getent', 'passwd', USER).status === 0;
}

/** The unit as it is shipped, starting the program that runs now. */
export function unitText(): string {
  const main = realpathSync(join(packageFolder(), 'dist/cli/main.js'));
  return shipped(`systemd/${SERVICE}`).replace(
    /^ExecStart=.*$/m,
    () => `ExecStart=${[process.execPath, main].map(quoted).join(' ')}`,
  );
}

/** A word of a command line in a unit file. */
function quoted(word: string): string {
  const escaped = word.replaceAll('%', '%%').replaceAll('\\', '\\\\').replaceAll('"', '\\"');
  return /^[\w@%+=:,./-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

/**
 * Makes sure that a user without rights can start what the unit starts.
 * @throws TallymanError when it is in somebody's home or in npx' cache
 */
export function assertReachable(host: ServiceHost): void {
  for (const path of [process.execPath, join(packageFolder(), 'dist/cli/main.js')]) {
    const obstacle = host.obstacle(path);
    if (obstacle === undefined) continue;
    throw new TallymanError(`the service cannot use ${path}: other users may not read ${obstacle}`, {
      hint: 'install the package, and Node, for the whole host: npm install --global tallyman',
    });
  }
}

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
/** Unit directories of distribution packages. */
const PACKAGE_UNIT_DIRECTORIES = ['/usr/lib/systemd/system', '/lib/systemd/system'];

/** A file below `config/` of this package. */
export function shipped(path: string): string {
  return readFileSync(join(packageFolder(), 'config', path), 'utf8');
}

/** What the agent may use as a service: calm values for a host with up to a thousand containers. */
const SERVICE_BUDGET: Readonly<Record<string, string>> = { cpu: '10%', memory: '256MiB', descriptors: '20000' };

/** The configuration of a newly installed service: the defaults, and a budget. */
export function serviceConfig(): string {
  return shipped('tallyman.yaml').replace(/^budget:\n(?: .*\n)+/m, (section) =>
    section.replace(/^ {2}# (\w+): .*$/gm, (line, option: string) => {
      const value = SERVICE_BUDGET[option];
      return value === undefined ? line : `  ${option}: ${value}`;
    }),
  );
}

/** The file describing the system user, for systemd-sysusers. */
export function sysusersFile(): string {
  return join(packageFolder(), 'config/systemd/tallyman.sysusers');
}

/** The unit of a distribution package, which the package manager handles. */
export function packagedUnit(host: ServiceHost): string | undefined {
  return PACKAGE_UNIT_DIRECTORIES.map((directory) => `${directory}/${SERVICE}`).find(
    (path) => host.read(path) !== undefined,
  );
}

export function configFiles(host: ServiceHost): string[] {
  const names = host.list(SYSTEM_DIRECTORY);
  return SYSTEM_NAMES.filter((name) => names.includes(name)).map((name) => `${SYSTEM_DIRECTORY}/${name}`);
}

export function userExists(host: ServiceHost): boolean {
  return host.run('getent', 'passwd', USER).status === 0;
}

/** The shipped unit, with the path of the running program. */
export function unitText(): string {
  const main = realpathSync(join(packageFolder(), 'dist/cli/main.js'));
  return shipped(`systemd/${SERVICE}`).replace(
    /^ExecStart=.*$/m,
    () => `ExecStart=${[process.execPath, main].map(quoted).join(' ')}`,
  );
}

/** Quotes an argument of a command line in a unit file. */
function quoted(word: string): string {
  const escaped = word.replaceAll('%', '%%').replaceAll('\\', '\\\\').replaceAll('"', '\\"');
  return /^[\w@%+=:,./-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

/**
 * Checks that an unprivileged user can start the program of the unit.
 * @throws TallymanError, for example when it is in a home directory or in the cache of npx
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

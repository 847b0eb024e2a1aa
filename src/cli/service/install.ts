import type { AgentConfig } from '../../kernel/config/index.js';
import { TallymanError } from '../../kernel/contracts/index.js';
import { grant, revoke } from './grants.js';
import type { ServiceHost } from './host.js';
import * as layout from './layout.js';
import type { Procedure } from './procedure.js';

const { SERVICE, SOCKET, UNIT_DIRECTORY } = layout;

/** Installs the service (user, default config, units, drop-ins), enables and starts it. */
export function install(procedure: Procedure, config: Pick<AgentConfig, 'plugins'>): void {
  const { host } = procedure;
  const packaged = layout.packagedUnit(host);
  if (packaged === undefined) layout.assertReachable(host);
  procedure.command(layout.userExists(host), 'systemd-sysusers', layout.sysusersFile());
  const [existing] = layout.configFiles(host);
  if (existing === undefined) procedure.file(layout.DEFAULT_CONFIG, layout.serviceConfig());
  else procedure.step(`write ${existing}`, true, () => {});
  const before = procedure.changed;
  procedure.changed = false;
  if (packaged === undefined) {
    procedure.file(`${UNIT_DIRECTORY}/${SERVICE}`, layout.unitText());
    procedure.file(`${UNIT_DIRECTORY}/${SOCKET}`, layout.shipped(`systemd/${SOCKET}`));
  } else procedure.note(`${packaged} belongs to a package and is not changed`);
  grant(procedure, config);
  activate(procedure);
  procedure.changed ||= before;
}

/** Updates the drop-ins after a change of the configuration. */
export function adjustGrants(procedure: Procedure, config: Pick<AgentConfig, 'plugins'>): void {
  grant(procedure, config);
  const { changed, host } = procedure;
  if (!isSystemdRunning(host)) return;
  procedure.command(!changed, 'systemctl', 'daemon-reload');
  if (changed) procedure.note(`they take effect with: systemctl restart ${SERVICE}`);
}

function activate(procedure: Procedure): void {
  const { changed, host } = procedure;
  const says = (question: string) => host.run('systemctl', question, SERVICE).output;
  const isRunning = isSystemdRunning(host);
  if (isRunning) procedure.command(!changed, 'systemctl', 'daemon-reload');
  procedure.command(says('is-enabled') === 'enabled', 'systemctl', 'enable', SERVICE);
  if (!isRunning) {
    procedure.note('systemd is not running here: it will start the service');
    return;
  }
  const isActive = says('is-active') === 'active';
  procedure.command(isActive && !changed, 'systemctl', isActive ? 'restart' : 'start', SERVICE);
}

function isSystemdRunning(host: ServiceHost): boolean {
  return host.list('/run/systemd').includes('system');
}

/**
 * Removes what `install` created.
 * @param isPurge also remove a changed configuration
 */
export function uninstall(procedure: Procedure, isPurge: boolean): void {
  const { host } = procedure;
  const packaged = layout.packagedUnit(host);
  if (packaged !== undefined) {
    throw new TallymanError(`${packaged} belongs to a package; remove that instead`, {
      hint: `apt-get ${isPurge ? 'purge' : 'remove'} tallyman, or the equivalent of your distribution`,
    });
  }
  const there = host.list(UNIT_DIRECTORY);
  const units = [SERVICE, SOCKET].filter((unit) => there.includes(unit));
  const isRunning = isSystemdRunning(host);
  procedure.command(units.length === 0, 'systemctl', 'disable', ...(isRunning ? ['--now'] : []), ...units);
  for (const unit of [SERVICE, SOCKET]) procedure.removal(`${UNIT_DIRECTORY}/${unit}`, units.includes(unit));
  revoke(procedure);
  if (isRunning) procedure.command(units.length === 0, 'systemctl', 'daemon-reload');
  removeConfig(procedure, isPurge);
  procedure.removal(layout.STATE_DIRECTORY, host.list('/var/lib').includes('tallyman'));
  procedure.command(!layout.userExists(host), 'userdel', layout.USER);
}

function removeConfig(procedure: Procedure, isPurge: boolean): void {
  const { host } = procedure;
  const directory = '/etc/tallyman';
  const names = host.list(directory);
  const isUntouched = names.length === 1 && host.read(layout.DEFAULT_CONFIG) === layout.serviceConfig();
  if (names.length > 0 && !isPurge && !isUntouched) {
    procedure.note(`${directory} is kept: it is not the default configuration; --purge removes it`);
    return;
  }
  procedure.removal(directory, names.length > 0 || host.list('/etc').includes('tallyman'));
}

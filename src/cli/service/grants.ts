import type { AgentConfig } from '../../kernel/config/index.js';
import { DROP_IN_DIRECTORY, shipped } from './layout.js';
import type { Procedure } from './procedure.js';

/** A drop-in of the unit with privileges of a part of the agent; see docs/privileges.md. */
interface Grant {
  /** Its file in config/systemd/tallyman.service.d. */
  readonly file: string;
  /** Plugins that need it, if all of them are enabled; empty for the agent itself. */
  readonly plugins: readonly string[];
  /** A group that must exist: systemd does not start a service with an unknown group. */
  readonly group?: string;
  /** Installed by the administrator only; removed on uninstallation. */
  readonly isManual?: boolean;
}

export const GRANTS: readonly Grant[] = [
  { file: 'app-metrics.conf', plugins: [], isManual: true },
  // Writable layers are known from Docker only.
  { file: 'disk.conf', plugins: ['disk', 'docker'], group: 'docker' },
  { file: 'docker.conf', plugins: ['docker'], group: 'docker' },
  { file: 'kernel-log.conf', plugins: [] },
  { file: 'process.conf', plugins: ['process'] },
];

/** Writes the drop-ins that the enabled plugins need, and removes the others. */
export function grant(procedure: Procedure, { plugins }: Pick<AgentConfig, 'plugins'>): void {
  const { host } = procedure;
  const there = host.list(DROP_IN_DIRECTORY);
  for (const { file, plugins: needing, group } of GRANTS.filter(({ isManual }) => isManual !== true)) {
    const path = `${DROP_IN_DIRECTORY}/${file}`;
    const isWanted = needing.every((name) => plugins.some(({ use }) => use === name));
    const isPossible = group === undefined || host.run('getent', 'group', group).status === 0;
    if (isWanted && isPossible) procedure.file(path, shipped(`systemd/tallyman.service.d/${file}`));
    else if (there.includes(file)) procedure.removal(path, true);
    if (isWanted && !isPossible) {
      procedure.note(`${file} is left out: the group ${group} does not exist; run this again when it does`);
    }
  }
}

/** Removes the drop-ins of this program; those of the administrator stay. */
export function revoke(procedure: Procedure): void {
  const there = procedure.host.list(DROP_IN_DIRECTORY);
  const isOurs = (name: string) => GRANTS.some(({ file }) => file === name);
  if (there.every(isOurs)) procedure.removal(DROP_IN_DIRECTORY, there.length > 0);
  else for (const name of there.filter(isOurs)) procedure.removal(`${DROP_IN_DIRECTORY}/${name}`, true);
}

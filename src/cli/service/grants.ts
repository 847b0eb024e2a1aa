import type { AgentConfig } from '../../kernel/config/index.js';
import { DROP_IN_DIRECTORY, shipped } from './layout.js';
import type { Procedure } from './procedure.js';

/** A drop-in of the unit that gives what a part of the agent needs beyond the bare unit; see docs/privileges.md. */
interface Grant {
  /** Its file in config/systemd/tallyman.service.d. */
  readonly file: string;
  /** The plugins that need it, all of them together; none for the agent itself. */
  readonly plugins: readonly string[];
  /** A group that has to exist: systemd does not start a service whose groups do not. */
  readonly group?: string;
  /** Only ever copied by hand: this program takes it away with the rest. */
  readonly byHand?: boolean;
}

export const GRANTS: readonly Grant[] = [
  { file: 'app-metrics.conf', plugins: [], byHand: true },
  // Writable layers are known from Docker only.
  { file: 'disk.conf', plugins: ['disk', 'docker'], group: 'docker' },
  { file: 'docker.conf', plugins: ['docker'], group: 'docker' },
  { file: 'kernel-log.conf', plugins: [] },
  { file: 'process.conf', plugins: ['process'] },
];

/** Gives the unit what the enabled plugins need, and takes away what none of them needs any more. */
export function grant(procedure: Procedure, { plugins }: Pick<AgentConfig, 'plugins'>): void {
  const { host } = procedure;
  const there = host.list(DROP_IN_DIRECTORY);
  for (const { file, plugins: needing, group } of GRANTS.filter(({ byHand }) => byHand !== true)) {
    const path = `${DROP_IN_DIRECTORY}/${file}`;
    const isWanted = needing.every((name) => plugins.some(({ use }) => use === name));
    const isPossible = group === undefined || host.run('getent', 'group', group).status === 0;
    if (isWanted && isPossible) procedure.file(path, shipped(`systemd/tallyman.service.d/${file}`));
    else if (there.includes(file)) procedure.removal(path, true);
    if (isWanted && !isPossible) {
      procedure.note(`${file} is left out: there is no group ${group} yet; run this again when there is`);
    }
  }
}

/** Takes every drop-in away that this program writes; those of the administrator stay. */
export function revoke(procedure: Procedure): void {
  const there = procedure.host.list(DROP_IN_DIRECTORY);
  const isOurs = (name: string) => GRANTS.some(({ file }) => file === name);
  if (there.every(isOurs)) procedure.removal(DROP_IN_DIRECTORY, there.length > 0);
  else for (const name of there.filter(isOurs)) procedure.removal(`${DROP_IN_DIRECTORY}/${name}`, true);
}

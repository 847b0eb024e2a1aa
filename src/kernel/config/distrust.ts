// Imports nothing of the agent: the thread that checks modules loads it, too.
import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** A file, directory or link that somebody else could change. */
export interface Distrust {
  readonly path: string;
  /** `/srv/x is writable by others (mode 666)` */
  readonly reason: string;
  /** The exact command that mends it. */
  readonly fix: string;
}

const MAX_LINKS = 40;
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/**
 * Everything on the way to `file` (directories, links, the file) that somebody other than `owners` could change, and
 * with it what the file says. Directories with the sticky bit are accepted: others cannot replace what is in them.
 * @throws the system's error when something on the way cannot be looked at
 */
export function findDistrust(file: string, owners: readonly number[] = [0]): Distrust[] {
  const found = new Map<string, Distrust>();
  const pending = resolve(file).split('/').filter(Boolean);
  let current = '/';
  judge(current, lstatSync(current), owners, found);
  for (let links = 0; pending.length > 0; ) {
    const segment = pending.shift()!;
    if (segment === '..') {
      current = dirname(current);
      continue;
    }
    const next = join(current, segment);
    const stats = lstatSync(next);
    judge(next, stats, owners, found);
    if (!stats.isSymbolicLink()) {
      current = next;
      continue;
    }
    if (++links > MAX_LINKS) throw new Error(`${file}: too many symbolic links`);
    const target = readlinkSync(next);
    if (target.startsWith('/')) current = '/';
    pending.unshift(...target.split('/').filter((part) => part !== '' && part !== '.'));
  }
  return [...found.values()];
}

function judge(path: string, stats: Stats, owners: readonly number[], found: Map<string, Distrust>): void {
  const reasons: string[] = [];
  const fixes: string[] = [];
  const quoted = /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
  if (!owners.includes(stats.uid)) {
    reasons.push(`belongs to user ${stats.uid}, not to root`);
    fixes.push(`chown ${stats.isSymbolicLink() ? '-h ' : ''}root ${quoted}`);
  }
  const isGuarded = stats.isSymbolicLink() || (stats.isDirectory() && (stats.mode & STICKY) !== 0);
  if (!isGuarded && (stats.mode & WRITABLE_BY_OTHERS) !== 0) {
    reasons.push(`is writable by others (mode ${(stats.mode & 0o7777).toString(8)})`);
    fixes.push(`chmod go-w ${quoted}`);
  }
  if (reasons.length > 0) {
    found.set(path, { path, reason: `${path} ${reasons.join(' and ')}`, fix: fixes.join(' && ') });
  }
}

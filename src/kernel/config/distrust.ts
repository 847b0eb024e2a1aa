// Also runs in the thread of Node's module hooks, where it must not import the rest of the agent.
import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** A file, directory or link that other users could change. */
export interface UntrustedPath {
  readonly path: string;
  /** `/srv/x is writable by others (mode 666)` */
  readonly reason: string;
  /** The command that fixes it. */
  readonly fix: string;
}

const MAX_LINKS = 40;
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/**
 * Finds everything on the path to `file` (directories, links, the file itself) through which users other than `owners`
 * could change its content. Directories with the sticky bit are accepted: other users cannot replace entries in them.
 * @throws the system error of lstat or readlink
 */
export function findUntrusted(file: string, owners: readonly number[] = [0]): UntrustedPath[] {
  const found = new Map<string, UntrustedPath>();
  const pending = resolve(file).split('/').filter(Boolean);
  let current = '/';
  check(current, lstatSync(current), owners, found);
  for (let links = 0; pending.length > 0; ) {
    const segment = pending.shift()!;
    if (segment === '..') {
      current = dirname(current);
      continue;
    }
    const next = join(current, segment);
    const stats = lstatSync(next);
    check(next, stats, owners, found);
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

function check(path: string, stats: Stats, owners: readonly number[], found: Map<string, UntrustedPath>): void {
  const reasons: string[] = [];
  const fixes: string[] = [];
  const quoted = /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
  if (!owners.includes(stats.uid)) {
    reasons.push(`belongs to user ${stats.uid}, not to root`);
    fixes.push(`chown ${stats.isSymbolicLink() ? '-h ' : ''}root ${quoted}`);
  }
  const isProtected = stats.isSymbolicLink() || (stats.isDirectory() && (stats.mode & STICKY) !== 0);
  if (!isProtected && (stats.mode & WRITABLE_BY_OTHERS) !== 0) {
    reasons.push(`is writable by others (mode ${(stats.mode & 0o7777).toString(8)})`);
    fixes.push(`chmod go-w ${quoted}`);
  }
  if (reasons.length > 0) {
    found.set(path, { path, reason: `${path} ${reasons.join(' and ')}`, fix: fixes.join(' && ') });
  }
}

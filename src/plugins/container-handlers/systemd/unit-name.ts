const UNIT = /^[A-Za-z0-9:_.\\@-]+\.(service|scope|slice|socket|swap|mount|automount|device|target|path|timer)$/;
const USER_MANAGER = /^user@(\d+)\.service$/;

/** Whose unit a cgroup is. */
export interface UnitOfCgroup {
  /** As `systemctl` prints it: `postgresql@14-main.service`. */
  readonly unit: string;
  /** Uid of the user whose own service manager made it; absent for units of the system's. */
  readonly uid?: number;
}

/**
 * The unit that a cgroup was made for. Below slices only, and below the slices of `user@<uid>.service`: a service manager
 * in a container has units too, which are not this host's, and what is below a unit is its own business.
 * @param path absolute cgroup path
 */
export function unitOf(path: string): UnitOfCgroup | undefined {
  const names = path.split('/').slice(1);
  if (names.length === 0) return undefined;
  const rest = withoutSlices(names);
  const user = USER_MANAGER.exec(rest[0]!)?.[1];
  const isOfUser = user !== undefined && rest.length > 1;
  const [name, ...below] = isOfUser ? withoutSlices(rest.slice(1)) : rest;
  // systemd puts `_` in front of names that the kernel's own files could have, or that begin with `_`.
  const unit = name!.replace(/^_/, '');
  if (below.length > 0 || !UNIT.test(unit)) return undefined;
  return isOfUser ? { unit, uid: Number(user) } : { unit };
}

/** From the first name on that is no slice; the last one at least. */
function withoutSlices(names: readonly string[]): readonly string[] {
  const first = names.findIndex((name) => !name.endsWith('.slice'));
  return names.slice(first < 0 ? -1 : first);
}

/**
 * A name without the escapes of systemd (`machine-qemu\x2d1\x2dweb.scope`): each `\xNN` is a byte of UTF-8. A `-` stays,
 * though it may have been a `/`: most are just that. Names that would not be printable stay as they are.
 */
export function decoded(name: string): string {
  if (!name.includes('\\x')) return name;
  const bytes = Buffer.from(name, 'utf8')
    .toString('latin1')
    .replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  const text = Buffer.from(bytes, 'latin1').toString('utf8');
  return /[\p{Cc}\ufffd]/u.test(text) ? name : text;
}

/** `nginx` of `nginx.service`. */
export function stemOf(unit: string): string {
  return unit.slice(0, unit.lastIndexOf('.'));
}

/** Where a unit is among the objects of the service manager on D-Bus. */
export function objectPathOf(unit: string): string {
  const escaped = unit.replace(/[^A-Za-z0-9]|^[0-9]/g, (character) => `_${character.charCodeAt(0).toString(16)}`);
  return `/org/freedesktop/systemd1/unit/${escaped}`;
}

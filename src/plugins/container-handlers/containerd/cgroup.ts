/** Controllers by whose hierarchy a container is found on cgroup v1; the empty one is that of v2. */
const CONTROLLERS = ['memory', 'cpu', 'pids', ''];

/**
 * Possible cgroups of a container by the `cgroupsPath` of its specification, the likeliest first. runc takes
 * `slice:prefix:name` for a systemd unit when it uses systemd, and otherwise for a path.
 */
export function expectedCgroups(cgroupsPath: string): readonly string[] {
  if (cgroupsPath === '') return [];
  const literal = `/${cgroupsPath}`.replace(/\/{2,}/g, '/').replace(/(.)\/$/, '$1');
  const [slice, prefix, name, ...rest] = cgroupsPath.split(':');
  if (name === undefined || name === '' || rest.length > 0) return literal === '/' ? [] : [literal];
  const unit = name.endsWith('.slice') ? name : `${prefix === '' ? '' : `${prefix}-`}${name}.scope`;
  return [`${slicePath(slice || 'system.slice')}/${unit}`, literal];
}

/** `a-b.slice` is `/a.slice/a-b.slice`. */
function slicePath(slice: string): string {
  const words = slice.replace(/\.slice$/, '').split('-');
  if (words.every((word) => word === '')) return '';
  return words.map((_, index) => `/${words.slice(0, index + 1).join('-')}.slice`).join('');
}

/**
 * Where it really is: the first process may be further down, and the runtime may have put it below a cgroup of its own.
 * @param membership text of the first process's `/proc/<pid>/cgroup`
 * @returns undefined when that process is in none of the expected cgroups
 */
export function actualCgroup(membership: string, expected: readonly string[]): string | undefined {
  const lines = membership.split('\n').map((line) => /^\d+:([^:]*):(\/.*)$/.exec(line));
  for (const controller of CONTROLLERS) {
    const path = lines.find((line) => line?.[1]?.split(',').includes(controller))?.[2];
    if (path === undefined) continue;
    for (const place of expected) {
      const at = `${path}/`.indexOf(`${place}/`);
      if (at >= 0) return path.slice(0, at + place.length);
    }
  }
  return undefined;
}

/** Which container a cgroup belongs to, by what is known of the containers. */
export class PathClaims {
  private readonly keys = new Map<string, readonly string[]>();
  private readonly paths = new Map<string, readonly string[]>();

  /** @param isAlive whether a container has processes: one that has not gives way to one that has */
  constructor(private readonly isAlive: (key: string) => boolean) {}

  owner(path: string): string | undefined {
    const keys = this.keys.get(path);
    return keys === undefined || keys.length === 1 ? keys?.[0] : (keys.find(this.isAlive) ?? keys[0]);
  }

  /** The cgroups of a container, or where they are expected. */
  pathsOf(key: string): readonly string[] {
    return this.paths.get(key) ?? [];
  }

  /** Cgroups that several running containers claim. */
  contested(): { readonly path: string; readonly keys: readonly string[] }[] {
    return [...this.keys].flatMap(([path, keys]) => {
      const alive = keys.length === 1 ? [] : keys.filter(this.isAlive);
      return alive.length > 1 ? [{ path, keys: alive }] : [];
    });
  }

  /** @returns true when they are other ones than before */
  set(key: string, paths: readonly string[]): boolean {
    const before = this.pathsOf(key);
    if (before.length === paths.length && before.every((path, index) => path === paths[index])) return false;
    this.delete(key);
    this.paths.set(key, paths);
    for (const path of paths) this.keys.set(path, [...(this.keys.get(path) ?? []), key]);
    return true;
  }

  /** Forgets all other containers. */
  retain(isKept: (key: string) => boolean): void {
    for (const key of [...this.paths.keys()]) if (!isKept(key)) this.delete(key);
  }

  private delete(key: string): void {
    for (const path of this.pathsOf(key)) {
      const others = this.keys.get(path)!.filter((other) => other !== key);
      if (others.length === 0) this.keys.delete(path);
      else this.keys.set(path, others);
    }
    this.paths.delete(key);
  }
}

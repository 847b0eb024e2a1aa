/** Which container a cgroup belongs to, by what is known of the containers. */
export class PathClaims {
  private readonly keys = new Map<string, readonly string[]>();
  private readonly paths = new Map<string, readonly string[]>();

  /** @param isAlive whether a container has processes: one that has not gives way to one that has */
  constructor(private readonly isAlive: (key: string) => boolean) {}

  /** The container of a cgroup. */
  owner(path: string): string | undefined {
    const keys = this.keys.get(path);
    return keys === undefined || keys.length === 1 ? keys?.[0] : (keys.find(this.isAlive) ?? keys[0]);
  }

  /** Where a container's cgroup is, or is to be. */
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

  /** Forgets containers that are not to be kept. */
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

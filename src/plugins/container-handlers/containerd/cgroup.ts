/** Controllers by whose hierarchy a container is found on cgroup v1; the empty one is that of v2. */
const CONTROLLERS = ['memory', 'cpu', 'pids', ''];

/**
 * Where a container's cgroup is to be, by the `cgroupsPath` of its specification: the likeliest place first. runc takes
 * `slice:prefix:name` for a systemd unit when it is told to use systemd, and else for a path.
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

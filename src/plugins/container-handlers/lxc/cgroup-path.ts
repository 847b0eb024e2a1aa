export type LxcPath =
  | { readonly name: string }
  /** Holds the process that watches over a container, or is left over from its start. */
  | 'helper';

/** Cgroups above a container that LXC itself did not make: slices, scopes and services of systemd. */
const PARENTS = '(?:/[^/]+\\.(?:slice|scope|service))*';
const CONTAINER = new RegExp(`^${PARENTS}/(?:lxc\\.payload[./]|lxc/)([^/]+)$`);
const HELPER = new RegExp(`^${PARENTS}/lxc\\.(?:monitor|pivot)(?:[./][^/]+)?$`);

/**
 * Recognises LXC's cgroups: `lxc.payload.<name>` since LXC 4, `lxc.payload/<name>` and `lxc/<name>` before it and on
 * Proxmox; Incus and LXD make the first form. Those inside of a container belong to what runs in it.
 * @returns undefined when the path is none of them
 */
export function lxcPath(path: string): LxcPath | undefined {
  const name = CONTAINER.exec(path)?.[1];
  if (name !== undefined) return { name };
  return HELPER.test(path) ? 'helper' : undefined;
}

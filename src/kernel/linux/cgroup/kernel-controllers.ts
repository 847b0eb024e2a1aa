/** A controller as `/proc/cgroups` lists it. */
export interface KernelController {
  /** 0: in no v1 hierarchy. */
  readonly hierarchy: number;
  /** Number of cgroups in its hierarchy. */
  readonly cgroups: number;
  readonly enabled: boolean;
}

/** The kernel's controllers from the text of `/proc/cgroups`; malformed lines are skipped. */
export function parseCgroups(text: string): Map<string, KernelController> {
  const controllers = new Map<string, KernelController>();
  for (const line of text.split('\n')) {
    const match = /^([^#\s]\S*)\s+(\d+)\s+(\d+)\s+([01])\s*$/.exec(line);
    if (match === null) continue;
    const [hierarchy, cgroups] = [Number(match[2]), Number(match[3])];
    controllers.set(match[1]!, { hierarchy, cgroups, enabled: match[4] === '1' });
  }
  return controllers;
}

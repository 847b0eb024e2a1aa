import { decoded } from '../systemd/index.js';

/** A machine by the name of its cgroup. */
export interface MachineOfCgroup {
  /** As machined and `machinectl` have it. */
  readonly name: string;
  /** The name of a libvirt guest without the driver and number that libvirt puts in front. */
  readonly guest?: string;
  /** `qemu`, `lxc` or another driver of libvirt. */
  readonly driver?: string;
}

const SCOPE = /^machine-(.+)\.scope$/;
const NSPAWN = /^systemd-nspawn@(.+)\.service$/;
/** libvirt where systemd does not make its cgroups: `/machine/qemu-3-web.libvirt-qemu`. */
const WITHOUT_SYSTEMD = /^\/machine(?:\.slice)?\/(?:([a-z]+)-\d+-)?([^/]+)\.libvirt-([a-z]+)$/;

/** The machine of a unit such as `machine-web.scope`. @returns undefined for other units */
export function machineOfUnit(unit: string): MachineOfCgroup | undefined {
  const name = (SCOPE.exec(unit) ?? NSPAWN.exec(unit))?.[1];
  return name === undefined ? undefined : withGuest(decoded(name));
}

/** A guest of a libvirt that makes cgroups itself. */
export function machineWithoutSystemd(path: string): MachineOfCgroup | undefined {
  const [, , guest, driver] = WITHOUT_SYSTEMD.exec(path) ?? [];
  if (guest === undefined || driver === undefined) return undefined;
  return { name: path.slice(path.lastIndexOf('/') + 1, -`.libvirt-${driver}`.length), guest, driver };
}

/** libvirt calls machines `<driver>-<number>-<guest>`. */
export function withGuest(name: string): MachineOfCgroup {
  const [, driver, guest] = /^(qemu|lxc)-\d+-(.+)$/.exec(name) ?? [];
  return driver === undefined || guest === undefined ? { name } : { name, guest, driver };
}

/** The name of a guest on the command line of its QEMU: `-name guest=web,debug-threads=on`; commas are doubled in it. */
export function guestOfCommand(commandLine: string): string | undefined {
  return /\0-name\0(?:[^\0]*?,)?guest=((?:[^,\0]|,,)+)/.exec(`\0${commandLine}`)?.[1]?.replaceAll(',,', ',');
}

import { join } from 'node:path';
import {
  type ContainerDescription,
  definePlugin,
  glob,
  type Identification,
  PLUGIN_API_VERSION,
  type PluginContext,
  z,
} from '../../../kernel/contracts/index.js';
import { excludedByName, fileMark, PollingHandler } from '../common/index.js';
import { networkModeOf } from '../lxc/index.js';
import { unitOf } from '../systemd/index.js';
import {
  guestOfCommand,
  type MachineOfCgroup,
  machineOfUnit,
  machineWithoutSystemd,
  withGuest,
} from './machine-name.js';
import { type Registration, readRegistrations } from './registration.js';

const configSchema = z.strictObject({
  include: z.array(glob()).prefault([]).describe('Machines to monitor, by name (globs); empty: all.'),
  exclude: z.array(glob()).prefault([]).describe('Machines that are not monitored. Wins over `include`.'),
});

type MachinedOptions = z.output<typeof configSchema>;

/** machined registers a machine shortly after its cgroup appears. */
const CHECK_INTERVAL_MS = 1_000;

interface Known {
  readonly registration: Registration | undefined;
  readonly description: ContainerDescription;
}

/** Names machines: containers of systemd-nspawn and guests of libvirt, by their cgroups and machined's registrations. */
class MachinedHandler extends PollingHandler<Known> {
  /** Cgroup path of every unit seen: any may turn out to be registered. */
  private readonly paths = new Map<string, string>();
  private registrations: ReadonlyMap<string, Registration> = new Map();
  /** machined's directory as of the last look. */
  private lastMark: string | undefined;
  private isSettled = false;

  constructor(
    context: PluginContext,
    private readonly options: MachinedOptions,
  ) {
    super(context, CHECK_INTERVAL_MS);
  }

  identify(path: string): Identification {
    const found = unitOf(path);
    const unit = found?.uid === undefined ? found?.unit : undefined;
    if (unit !== undefined) this.paths.set(unit, path);
    const registration = unit === undefined ? undefined : this.registrations.get(unit);
    const machine = machineOf(path, unit, registration);
    if (machine === undefined) return { verdict: 'pass' };
    const reason = excludedByName(this.options, [machine.name, machine.guest ?? machine.name]);
    if (reason !== undefined) return { verdict: 'ignore', reason };
    let known = this.known.get(path);
    if (known === undefined || known.registration !== registration) {
      known = { registration, description: this.describe(machine, unit, registration) };
      this.known.set(path, known);
    }
    return { verdict: 'accept', description: known.description };
  }

  override forget(path: string): void {
    super.forget(path);
    const unit = unitOf(path)?.unit;
    if (unit !== undefined && this.paths.get(unit) === path) this.paths.delete(unit);
  }

  /** Reads machined's registrations when its directory changed. */
  protected check(): void {
    const directory = join(this.context.linux.paths.root, 'run/systemd/machines');
    const mark = fileMark(directory);
    const isSame = mark === this.lastMark;
    if (isSame && this.isSettled) return;
    // Read once more after a change: times of files are too coarse to show a second change.
    this.isSettled = isSame;
    const read = readRegistrations(directory);
    const before = this.registrations;
    const isKnown = (unit: string) => JSON.stringify(before.get(unit)) === JSON.stringify(read.get(unit));
    // The same object for what did not change, by which `identify` knows that its description still holds.
    this.registrations = new Map([...read].map(([unit, entry]) => [unit, isKnown(unit) ? before.get(unit)! : entry]));
    this.lastMark = mark;
    for (const unit of new Set([...before.keys(), ...read.keys()])) {
      const path = this.paths.get(unit);
      if (path !== undefined && !isKnown(unit)) this.registrar?.reconsider(path);
    }
  }

  private describe(
    machine: MachineOfCgroup,
    unit: string | undefined,
    registration: Registration | undefined,
  ): ContainerDescription {
    const { linux } = this.context;
    const { leader, service, startedAt } = registration ?? {};
    const isVirtual = registration?.class === 'vm' || machine.driver === 'qemu';
    const guest = (isVirtual && leader !== undefined && this.guestOf(leader)) || machine.guest;
    const kind = registration?.class ?? (isVirtual ? 'vm' : undefined);
    return {
      aliases: [...new Set([guest ?? machine.name, machine.name])],
      namespace: 'machined',
      kind: 'machine',
      labels: {
        ...(kind !== undefined && { 'machined.class': kind }),
        ...(service !== undefined && { 'machined.service': service }),
        ...(unit !== undefined && { 'systemd.unit': unit }),
      },
      envs: {},
      ...(leader !== undefined && { pid: leader }),
      // The network of a virtual machine is inside it; its process uses the host's.
      networkMode: leader === undefined || isVirtual ? 'none' : networkModeOf(leader, linux),
      state: { status: 'running', ...(startedAt !== undefined && { startedAt }) },
    };
  }

  private guestOf(pid: number): string | undefined {
    return guestOfCommand(this.context.linux.procText(`${pid}/cmdline`) ?? '');
  }
}

function machineOf(
  path: string,
  unit: string | undefined,
  registration: Registration | undefined,
): MachineOfCgroup | undefined {
  if (registration !== undefined) return withGuest(registration.name);
  return unit === undefined ? machineWithoutSystemd(path) : machineOfUnit(unit);
}

export default definePlugin({
  kind: 'container-handler',
  name: 'machined',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Names of systemd-nspawn containers and libvirt guests.',
  configSchema,
  create: (context, options) => new MachinedHandler(context, options),
});

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ContainerDescription,
  type ContainerRegistrar,
  type ContainerState,
  type DepartedContainer,
  definePlugin,
  type Finding,
  type Identification,
  messageOf,
  PLUGIN_API_VERSION,
  type PluginContext,
  type RuntimeInfo,
  readText,
} from '../../../kernel/contracts/index.js';
import { PollingHandler, within } from '../common/index.js';
import { ServiceManager, type UnitFacts } from './manager.js';
import { type SystemdOptions, systemdOptions } from './options.js';
import { decoded, stemOf, type UnitOfCgroup, unitOf } from './unit-name.js';

export { decoded, unitOf };

/** Whether a unit is frozen is read this often: systemd 252 was not seen to signal it. */
const FROZEN_CHECK_INTERVAL_MS = 5_000;
const FIRST_ANSWER_MS = 1000;
/** Services that run once a minute are not to pile up. */
const MAX_DEPARTED = 200;

interface KnownUnit extends UnitOfCgroup {
  readonly path: string;
  facts?: UnitFacts;
  isFrozen: boolean;
  /** Exit code of the run before this one. */
  readonly previousExit?: number;
  description: ContainerDescription;
}

interface Departed extends DepartedContainer {
  /** Monotonic ms. */
  readonly endedAt: number;
}

/** Names the cgroups of systemd's units, and describes those of the system by what the manager reports. */
class SystemdHandler extends PollingHandler<KnownUnit> {
  /** Units of the system: a unit has one cgroup, on v1 in each hierarchy by the same path. */
  private readonly paths = new Map<string, string>();
  private readonly ended = new Map<string, Departed>();
  private readonly manager: ServiceManager;
  private answered: Promise<void> = Promise.resolve();
  private isPresent = false;

  constructor(
    context: PluginContext,
    private readonly options: SystemdOptions,
  ) {
    super(context, FROZEN_CHECK_INTERVAL_MS);
    this.manager = new ServiceManager(context, options, {
      onFacts: (unit, facts) => this.learn(unit, facts),
      onChange: () => this.registrar?.findingsChanged(),
    });
  }

  override async start(registrar: ContainerRegistrar): Promise<void> {
    // As sd_booted(3): the directory is there when systemd is the init system of the host.
    this.isPresent = existsSync(join(this.context.linux.paths.root, 'run/systemd/system'));
    if (!this.isPresent) return;
    await super.start(registrar);
    this.answered = this.manager.start();
    await within(this.context, FIRST_ANSWER_MS, this.answered);
  }

  override stop(): void {
    super.stop();
    this.manager.stop();
  }

  async whenAnswered(): Promise<void> {
    await this.answered;
    await this.manager.readNow();
  }

  identify(path: string): Identification {
    if (!this.isPresent) return { verdict: 'pass' };
    const known = this.known.get(path) ?? this.take(path);
    return known === undefined ? { verdict: 'pass' } : { verdict: 'accept', description: known.description };
  }

  override forget(path: string): void {
    const known = this.known.get(path);
    if (known === undefined) return;
    super.forget(path);
    if (known.uid !== undefined) return;
    this.paths.delete(known.unit);
    this.manager.unwatch(known.unit);
    if (known.unit.endsWith('.service')) void this.bury(known);
  }

  runtime(): RuntimeInfo | undefined {
    const { version } = this.manager;
    return version === undefined ? undefined : { name: 'systemd', version, apiVersion: '' };
  }

  async findings(): Promise<readonly Finding[]> {
    await this.answered;
    const { failure } = this.manager;
    if (failure === undefined) return [];
    return [
      {
        id: 'systemd-bus',
        severity: 'info',
        what: `systemd cannot be asked: ${failure}`,
        effect: 'Units have their names, but no description, state, restarts or exit code.',
        mend: 'apt-get install dbus; in a container: docker run --volume=/run/dbus/system_bus_socket:/rootfs/run/dbus/system_bus_socket …',
      },
    ];
  }

  departed(): readonly DepartedContainer[] {
    const oldest = this.context.clock.monotonic() - this.options.tombstoneFor;
    for (const [path, { endedAt }] of this.ended) {
      if (endedAt >= oldest && this.ended.size <= MAX_DEPARTED) break;
      this.ended.delete(path);
    }
    return [...this.ended.values()];
  }

  private take(path: string): KnownUnit | undefined {
    const found = unitOf(path);
    if (found === undefined || !this.isWanted(found)) return undefined;
    const previousExit = this.ended.get(path)?.description.state.exitCode;
    const base = { ...found, path, isFrozen: this.isFrozen(path), ...(previousExit !== undefined && { previousExit }) };
    const known: KnownUnit = { ...base, description: this.describe(base) };
    this.known.set(path, known);
    this.ended.delete(path);
    if (known.uid === undefined) {
      this.paths.set(known.unit, path);
      this.manager.watch(known.unit);
    }
    return known;
  }

  private isWanted({ unit, uid }: UnitOfCgroup): boolean {
    const { units, exclude, userUnits } = this.options;
    if (uid !== undefined && !userUnits) return false;
    return units.some((pattern) => pattern.test(unit)) && !exclude.some((pattern) => pattern.test(unit));
  }

  private learn(unit: string, facts: UnitFacts): void {
    const path = this.paths.get(unit);
    const known = path === undefined ? undefined : this.known.get(path);
    if (known === undefined || JSON.stringify(known.facts) === JSON.stringify(facts)) return;
    known.facts = facts;
    this.renew(known);
  }

  protected check(): void {
    for (const known of this.known.values()) {
      const isFrozen = this.isFrozen(known.path);
      if (isFrozen === known.isFrozen) continue;
      known.isFrozen = isFrozen;
      this.renew(known);
    }
  }

  /** systemd freezes units on cgroup v2 only; a frozen ancestor counts. `cgroup.events: frozen` */
  private isFrozen(path: string): boolean {
    // The file is absent on cgroup v1 and once a unit has ended, the line before kernel 5.2.
    return /^frozen 1$/m.test(readText(join(this.context.linux.paths.cgroup, path, 'cgroup.events')) ?? '');
  }

  private renew(known: KnownUnit): void {
    known.description = this.describe(known);
    this.registrar?.reconsider(known.path);
  }

  /** Keeps how a service ended, if systemd still reports it. */
  private async bury({ path, unit, description }: KnownUnit): Promise<void> {
    try {
      const service = (await this.manager.ask(unit))?.service;
      if (service === undefined || service.finishedAt === 0 || this.known.has(path)) return;
      const { exitCode, finishedAt, startedAt, result, restarts } = service;
      const state: ContainerState = {
        status: 'exited',
        exitCode,
        oomKilled: result === 'oom-kill',
        ...(startedAt > 0 && { startedAt }),
        finishedAt,
      };
      const endedAt = this.context.clock.monotonic();
      this.ended.delete(path);
      this.ended.set(path, { name: path, description: { ...description, restartCount: restarts, state }, endedAt });
    } catch (error) {
      this.context.logger.debug(`how ${unit} ended is not known: ${messageOf(error)}`);
    }
  }

  private describe(known: Omit<KnownUnit, 'description'>): ContainerDescription {
    const { unit, uid, facts } = known;
    const description = facts?.description ?? '';
    return {
      aliases: this.aliasesOf(known),
      namespace: 'systemd',
      kind: 'unit',
      labels: {
        'systemd.unit': unit,
        ...(uid !== undefined && { 'systemd.uid': String(uid) }),
        // systemd gives the name for the description of a unit that has none.
        ...(description !== '' && description !== unit && { 'systemd.description': description }),
      },
      envs: {},
      networkMode: 'none',
      ...(facts?.service && { restartCount: facts.service.restarts }),
      state: stateOf(known),
    };
  }

  private aliasesOf({ unit, uid }: UnitOfCgroup): readonly string[] {
    const own = this.options.names.find((entry) => entry.unit.test(unit))?.name;
    const names = [unit, decoded(unit), ...(unit.endsWith('.service') ? [stemOf(unit)] : [])];
    // Users may have units of the same name.
    const prefix = uid === undefined ? '' : `user@${uid}.service/`;
    return [...new Set([...(own === undefined ? [] : [own]), ...names.map((name) => `${prefix}${name}`)])];
  }
}

function stateOf({
  facts,
  isFrozen,
  previousExit,
}: Pick<KnownUnit, 'facts' | 'isFrozen' | 'previousExit'>): ContainerState {
  const exit = previousExit === undefined ? {} : { exitCode: previousExit };
  if (facts === undefined) return { status: isFrozen ? 'paused' : 'running', ...exit };
  const { activeState, subState, activeSince, service } = facts;
  const startedAt = service !== undefined && service.startedAt > 0 ? service.startedAt : activeSince;
  return { status: statusOf(activeState, subState, isFrozen), ...exit, ...(startedAt > 0 && { startedAt }) };
}

/** A unit that starts, stops or reloads has processes: it runs. */
function statusOf(activeState: string, subState: string, isFrozen: boolean): ContainerState['status'] {
  if (isFrozen) return 'paused';
  if (subState === 'auto-restart') return 'restarting';
  return activeState === 'failed' ? 'exited' : 'running';
}

export default definePlugin({
  kind: 'container-handler',
  name: 'systemd',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Names of systemd units, their descriptions, states and restarts.',
  configSchema: systemdOptions,
  create: (context, options) => new SystemdHandler(context, options),
});

import { readFile } from 'node:fs/promises';
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
import { excludedByName, PollingHandler } from '../common/index.js';
import { lxcPath } from './cgroup-path.js';
import { cgroupDirectories, initPid, isFrozen, networkModeOf } from './processes.js';

export { networkModeOf } from './processes.js';

const configSchema = z.strictObject({
  include: z.array(glob()).prefault([]).describe('Containers to monitor, by name (globs); empty: all.'),
  exclude: z.array(glob()).prefault([]).describe('Containers that are not monitored. Wins over `include`.'),
  proxmoxDirectory: z
    .string()
    .regex(/^\//, { error: 'expected an absolute path' })
    .default('/etc/pve/lxc')
    .describe('Where Proxmox has the configuration of containers, `<id>.conf`, which has their host names.'),
});

type LxcOptions = z.output<typeof configSchema>;

/** LXC signals neither that a container is frozen nor which process is its first. */
const CHECK_INTERVAL_MS = 2_000;

interface Known {
  readonly path: string;
  readonly name: string;
  /** Of a container of Proxmox, whose name is a number. */
  hostname?: string;
  pid: number | undefined;
  isFrozen: boolean;
  description: ContainerDescription;
}

/** Names the containers of LXC, Incus, LXD and Proxmox by their cgroups; no daemon is asked. */
class LxcHandler extends PollingHandler<Known> {
  constructor(
    context: PluginContext,
    private readonly options: LxcOptions,
  ) {
    super(context, CHECK_INTERVAL_MS);
  }

  identify(path: string): Identification {
    const known = this.known.get(path);
    if (known !== undefined) return { verdict: 'accept', description: known.description };
    const found = lxcPath(path);
    if (found === undefined) return { verdict: 'pass' };
    if (found === 'helper') return { verdict: 'ignore', reason: 'it holds the process that watches an LXC container' };
    const { name } = found;
    const reason = excludedByName(this.options, [name]);
    if (reason !== undefined) return { verdict: 'ignore', reason };
    return { verdict: 'accept', description: this.take(path, name).description };
  }

  private take(path: string, name: string): Known {
    const base = { path, name, ...this.look(path) };
    const known: Known = { ...base, description: this.describe(base) };
    this.known.set(path, known);
    // Proxmox's containers have numbers, and their configuration is in a file system that may hang.
    if (/^\d+$/.test(name)) void this.readHostname(known);
    return known;
  }

  private look(path: string, before?: number): { pid: number | undefined; isFrozen: boolean } {
    const { linux } = this.context;
    const directories = cgroupDirectories(linux.paths.cgroup, path);
    const isAlive = before !== undefined && linux.procText(`${before}/stat`) !== undefined;
    return { pid: isAlive ? before : initPid(directories, linux), isFrozen: isFrozen(directories) };
  }

  protected check(): void {
    for (const known of this.known.values()) {
      const now = this.look(known.path, known.pid);
      if (now.pid === known.pid && now.isFrozen === known.isFrozen) continue;
      Object.assign(known, now);
      this.renew(known);
    }
  }

  private async readHostname(known: Known): Promise<void> {
    const file = join(this.context.linux.paths.root, this.options.proxmoxDirectory, `${known.name}.conf`);
    const text = await readFile(file, 'utf8').catch(() => '');
    const hostname = hostnameIn(text);
    if (hostname === undefined || this.known.get(known.path) !== known) return;
    known.hostname = hostname;
    this.renew(known);
  }

  private renew(known: Known): void {
    known.description = this.describe(known);
    this.registrar?.reconsider(known.path);
  }

  private describe({ name, hostname, pid, isFrozen }: Omit<Known, 'description'>): ContainerDescription {
    return {
      id: name,
      aliases: hostname === undefined || hostname === name ? [name] : [hostname, name],
      namespace: 'lxc',
      kind: 'machine',
      labels: {},
      envs: {},
      ...(pid !== undefined && { pid }),
      networkMode: pid === undefined ? 'none' : networkModeOf(pid, this.context.linux),
      state: { status: isFrozen ? 'paused' : 'running' },
    };
  }
}

/** The host name that a configuration of Proxmox sets; sections of snapshots, which follow, have others. */
export function hostnameIn(text: string): string | undefined {
  const [current] = text.split(/^\[/m);
  return /^hostname:[ \t]*([A-Za-z0-9][A-Za-z0-9.-]{0,252})[ \t]*$/m.exec(current!)?.[1];
}

export default definePlugin({
  kind: 'container-handler',
  name: 'lxc',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Names and states of containers of LXC, Incus, LXD and Proxmox.',
  configSchema,
  create: (context, options) => new LxcHandler(context, options),
});

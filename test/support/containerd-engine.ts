import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packBusybox } from './busybox-image.js';
import { cgroupOf, EngineProcess, removeEmptyCgroups, run } from './engine-process.js';

const CONTAINERD = '/usr/bin/containerd';

/** The image's name, in every namespace that it was imported into. */
export const IMAGE = 'docker.io/tallyman-test/busybox:1';

/** A `containerd` of its own, on its own socket, root and state. */
export class ContainerdEngine {
  private readonly engine = new EngineProcess(CONTAINERD, 'containerd');

  private constructor(private readonly config: (path: (name: string) => string) => string) {}

  /** @param namespaces each gets an image made of static busybox */
  static start(...namespaces: readonly string[]): Promise<ContainerdEngine> {
    return ContainerdEngine.startWith(withoutCri, ...namespaces);
  }

  /** @param config makes the configuration; it is given the way to the daemon's files */
  static async startWith(
    config: (path: (name: string) => string) => string,
    ...namespaces: readonly string[]
  ): Promise<ContainerdEngine> {
    const containerd = new ContainerdEngine(config);
    await containerd.launch();
    await packImage(containerd.engine.directory, containerd.archive);
    for (const namespace of namespaces) await containerd.ctr(namespace, 'images', 'import', containerd.archive);
    return containerd;
  }

  get socket(): string {
    return this.engine.path('containerd.sock');
  }

  get endpoint(): string {
    return `unix://${this.socket}`;
  }

  /** The image, for `ctr images import`. */
  get archive(): string {
    return this.path('archive.tar');
  }

  /** A place among its files. */
  path(name: string): string {
    return this.engine.path(name);
  }

  /** Where it keeps its data. */
  get root(): string {
    return this.engine.path('root');
  }

  /** Starts the daemon (again) and waits until it answers. */
  async launch(): Promise<void> {
    const config = this.engine.path('config.toml');
    writeFileSync(
      config,
      this.config((name) => this.path(name)),
    );
    const places = ['--root', this.root, '--state', this.engine.path('state'), '--address', this.socket];
    await this.engine.launch(['--config', config, ...places], () => this.ctr('default', 'version'));
  }

  /** Ends the daemon; its containers go on. */
  kill(): Promise<void> {
    return this.engine.end('SIGKILL');
  }

  /** Stops and continues the daemon: its socket is there and nobody answers. */
  signal(signal: NodeJS.Signals): void {
    this.engine.signal(signal);
  }

  /** Removes all containers and their cgroups, the daemon and its files. */
  async stop(): Promise<void> {
    if (this.engine.running) {
      this.engine.signal('SIGCONT');
      const namespaces = await this.list('namespaces', 'ls', '-q');
      for (const namespace of namespaces) await this.clear(namespace);
      await this.engine.end('SIGTERM');
      for (const namespace of namespaces) removeEmptyCgroups(`/${namespace}`);
    }
    this.engine.killLeftovers();
    await this.engine.removeFiles();
  }

  /** Runs `ctr` in a namespace. @returns what it printed, trimmed */
  async ctr(namespace: string, ...args: readonly string[]): Promise<string> {
    const { stdout } = await run('ctr', ['--address', this.socket, '--namespace', namespace, ...args]);
    return stdout.trim();
  }

  /** Starts a container in the background. */
  async run(namespace: string, options: readonly string[], id: string, ...command: readonly string[]): Promise<void> {
    await this.ctr(namespace, 'run', '--detach', ...options, IMAGE, id, ...command);
  }

  /** What `ctr containers info` says. */
  async info(namespace: string, id: string): Promise<Readonly<Record<string, unknown>>> {
    return JSON.parse(await this.ctr(namespace, 'containers', 'info', id));
  }

  /** Pid and status of a task as `ctr tasks ls` says. */
  async task(namespace: string, id: string): Promise<{ readonly pid: number; readonly status: string } | undefined> {
    const lines = (await this.ctr(namespace, 'tasks', 'ls')).split('\n').map((line) => line.split(/\s+/));
    const line = lines.find(([name]) => name === id);
    return line === undefined ? undefined : { pid: Number(line[1]), status: line[2]! };
  }

  /** The cgroup path of a running container, from the kernel. */
  async cgroup(namespace: string, id: string): Promise<string> {
    return cgroupOf((await this.task(namespace, id))!.pid);
  }

  async remove(namespace: string, id: string): Promise<void> {
    await this.ctr(namespace, 'tasks', 'delete', '--force', id).catch(() => {});
    await this.ctr(namespace, 'containers', 'delete', id);
  }

  private async list(...args: readonly string[]): Promise<string[]> {
    return (await this.ctr('default', ...args)).split('\n').filter((line) => line !== '');
  }

  private async clear(namespace: string): Promise<void> {
    const ids = (await this.ctr(namespace, 'containers', 'ls', '-q')).split('\n').filter((id) => id !== '');
    for (const id of ids) await this.remove(namespace, id);
  }
}

const withoutCri = (): string => `version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n`;

/** Packs busybox as an archive that `ctr images import` takes. */
export async function packImage(directory: string, archive: string): Promise<void> {
  const layer = await packBusybox(directory);
  const content = join(directory, 'archive');
  mkdirSync(content);
  await run('cp', [layer, join(content, 'layer.tar')]);
  const digest = createHash('sha256').update(readFileSync(layer)).digest('hex');
  const config = {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Cmd: ['sleep', '100000'], Env: ['PATH=/bin', 'TIER=test'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
  };
  writeFileSync(join(content, 'config.json'), JSON.stringify(config));
  const manifest = [{ Config: 'config.json', RepoTags: [IMAGE], Layers: ['layer.tar'] }];
  writeFileSync(join(content, 'manifest.json'), JSON.stringify(manifest));
  await run('tar', ['-C', content, '-cf', archive, '.']);
}

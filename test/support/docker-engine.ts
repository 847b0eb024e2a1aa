import { existsSync, readFileSync, rmSync } from 'node:fs';
import { packBusybox } from './busybox-image.js';
import { until } from './discovery.js';
import { cgroupOf, EngineProcess, run } from './engine-process.js';

const DOCKERD = '/usr/sbin/dockerd';
const CLIENT = '/usr/bin/docker';

/** The image's name. */
export const IMAGE = 'tallyman-test/busybox:1';

/** A `dockerd` of its own, on its own socket and data, with one image made of static busybox. */
export class DockerEngine {
  private readonly flags: readonly string[];
  private readonly engine = new EngineProcess(DOCKERD, 'docker');

  private constructor(flags: readonly string[]) {
    this.flags = flags;
  }

  /** @param flags more flags of `dockerd`; without any there is no bridge network */
  static async start(flags: readonly string[] = ['--bridge=none', '--iptables=false']): Promise<DockerEngine> {
    const engine = new DockerEngine(flags);
    await engine.launch();
    const tar = await packBusybox(engine.engine.directory);
    await engine.cli('import', '-c', 'CMD ["sleep","100000"]', tar, IMAGE);
    return engine;
  }

  get endpoint(): string {
    return `unix://${this.engine.path('docker.sock')}`;
  }

  /** Where the engine keeps its data. */
  get dataRoot(): string {
    return this.engine.path('data');
  }

  /** Starts the daemon (again) and waits until it answers. */
  async launch(): Promise<void> {
    const files = [`--data-root=${this.dataRoot}`, `--exec-root=${this.engine.path('exec')}`];
    const args = [...files, `--host=${this.endpoint}`, `--pidfile=${this.engine.path('pid')}`, ...this.flags];
    await this.engine.launch(args, () => this.cli('version'));
  }

  /** Ends the daemon with SIGKILL; with `--live-restore` its containers go on. */
  async kill(): Promise<void> {
    const containerd = readFileSync(this.engine.path('exec/containerd/containerd.pid'), 'utf8');
    await this.engine.end('SIGKILL');
    rmSync(this.engine.path('pid'), { force: true });
    // It dies with its daemon, a moment later; a new daemon that meets it dying waits for it in vain.
    await until(
      () => !existsSync(`/proc/${containerd}`),
      () => 'containerd outlives dockerd',
    );
  }

  /** Removes all containers, the daemon and its files. */
  async stop(): Promise<void> {
    if (this.engine.running) {
      const ids = (await this.cli('ps', '-aq')).split('\n').filter((id) => id !== '');
      if (ids.length > 0) await this.cli('rm', '-f', ...ids);
      await this.engine.end('SIGTERM');
    }
    this.engine.killLeftovers();
    await this.engine.removeFiles();
  }

  /** Runs the docker command. @returns what it printed, trimmed */
  async cli(...args: string[]): Promise<string> {
    const { stdout } = await run(CLIENT, ['-H', this.endpoint, ...args]);
    return stdout.trim();
  }

  /** Starts a container in the background. @returns its id */
  run(...args: string[]): Promise<string> {
    return this.cli('run', '-d', '--network=none', ...args);
  }

  /** One value of a container, by a Go template. */
  inspect(name: string, template: string): Promise<string> {
    return this.cli('inspect', '-f', `{{${template}}}`, name);
  }

  /** The cgroup path of a running container, from the kernel. */
  async cgroup(name: string): Promise<string> {
    return cgroupOf(await this.inspect(name, '.State.Pid'));
  }
}

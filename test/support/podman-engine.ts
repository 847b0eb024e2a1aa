import { packBusybox } from './busybox-image.js';
import { cgroupOf, EngineProcess, removeCgroups, run } from './engine-process.js';

const PODMAN = '/usr/bin/podman';

/** The image's name. */
export const PODMAN_IMAGE = 'localhost/tallyman-test/busybox:1';

/** Podman with its Docker-compatible service, on its own storage and below its own cgroup. */
export class PodmanEngine {
  private readonly engine = new EngineProcess(PODMAN, 'podman');
  private readonly parent = `/tallyman-test-${process.pid}-podman`;

  static async start(): Promise<PodmanEngine> {
    const engine = new PodmanEngine();
    await engine.launch();
    const tar = await packBusybox(engine.engine.directory);
    await engine.cli('import', '-c', 'CMD ["sleep","100000"]', tar, PODMAN_IMAGE);
    return engine;
  }

  get endpoint(): string {
    return `unix://${this.engine.path('podman.sock')}`;
  }

  async launch(): Promise<void> {
    const socket = this.engine.path('podman.sock');
    await this.engine.launch([...this.files(), 'system', 'service', '-t', '0', this.endpoint], async () => {
      await run('curl', ['-sf', '--unix-socket', socket, 'http://podman/_ping']);
    });
  }

  /** Ends the service; Podman's containers do not need it. */
  async kill(): Promise<void> {
    await this.engine.end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.cli('rm', '-f', '-a', '-t', '0');
    await this.engine.end('SIGTERM');
    this.engine.killLeftovers();
    await this.engine.removeFiles();
    removeCgroups(this.parent);
  }

  async cli(...args: string[]): Promise<string> {
    const { stdout } = await run(PODMAN, [...this.files(), ...args]);
    return stdout.trim();
  }

  /**
   * Starts a container in the background. The limits of open files and processes are given, because Podman's own
   * need more privileges than a test machine may have.
   * @returns its id
   */
  run(...args: string[]): Promise<string> {
    const limits = ['--ulimit=nofile=1024:1024', '--ulimit=nproc=1024:1024'];
    return this.cli('run', '-d', '--network=none', `--cgroup-parent=${this.parent}`, ...limits, ...args);
  }

  async cgroup(name: string): Promise<string> {
    return cgroupOf(await this.cli('inspect', '-f', '{{.State.Pid}}', name));
  }

  private files(): string[] {
    const storage = [`--root=${this.engine.path('root')}`, `--runroot=${this.engine.path('run')}`];
    return [...storage, '--cgroup-manager=cgroupfs', '--events-backend=file'];
  }
}

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from './discovery.js';

const run = promisify(execFile);

/** Busybox applets the image has. */
const APPLETS = ['sh', 'sleep', 'cat', 'echo', 'dd', 'true', 'false', 'kill', 'nc', 'ip', 'mkdir', 'touch', 'ln', 'rm'];

/** The image's name. */
export const IMAGE = 'tallyman-test/busybox:1';

/** A `dockerd` of its own, on its own socket and data, with one image made of static busybox. */
export class DockerEngine {
  readonly #directory: string;
  readonly #flags: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(directory: string, flags: readonly string[]) {
    this.#directory = directory;
    this.#flags = flags;
  }

  /** Why the tests cannot run here, `undefined` when they can. */
  static missing(): string | undefined {
    if (process.getuid?.() !== 0) return 'needs root';
    const programs = ['/usr/sbin/dockerd', '/usr/bin/docker', '/usr/bin/busybox'];
    const absent = programs.filter((program) => !existsSync(program));
    return absent.length === 0 ? undefined : `needs ${absent.join(', ')}`;
  }

  /** @param flags more flags of `dockerd`; without any there is no bridge network */
  static async start(flags: readonly string[] = ['--bridge=none', '--iptables=false']): Promise<DockerEngine> {
    const engine = new DockerEngine(mkdtempSync(join(tmpdir(), 'tallyman-test-docker-')), flags);
    await engine.launch();
    await engine.#makeImage();
    return engine;
  }

  get endpoint(): string {
    return `unix://${this.#path('docker.sock')}`;
  }

  /** Where the engine keeps its data. */
  get dataRoot(): string {
    return this.#path('data');
  }

  /** Starts the daemon (again) and waits until it answers. */
  async launch(): Promise<void> {
    const log = openSync(this.#path('dockerd.log'), 'a');
    const files = ['data-root', 'exec-root'].map((flag) => `--${flag}=${this.#path(flag.replace('-root', ''))}`);
    const args = [...files, `--host=${this.endpoint}`, `--pidfile=${this.#path('pid')}`, ...this.#flags];
    // An own process group: a signal to the tests must not reach the daemon before `stop` has cleaned up.
    this.#process = spawn('/usr/sbin/dockerd', args, { stdio: ['ignore', log, log], detached: true });
    let ready = false;
    while (!ready) {
      if (this.#process.exitCode !== null) throw new Error(readFileSync(this.#path('dockerd.log'), 'utf8'));
      ready = await this.cli('version').then(
        () => true,
        () => false,
      );
    }
  }

  /** Ends the daemon with SIGKILL; with `--live-restore` its containers go on. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
    rmSync(this.#path('pid'), { force: true });
  }

  /** Removes all containers, the daemon and its files. */
  async stop(): Promise<void> {
    const ids = (await this.cli('ps', '-aq')).split('\n').filter((id) => id !== '');
    if (ids.length > 0) await this.cli('rm', '-f', ...ids);
    await this.#end('SIGTERM');
    await this.#unmount();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Runs the docker command. @returns what it printed, trimmed */
  async cli(...args: string[]): Promise<string> {
    const { stdout } = await run('/usr/bin/docker', ['-H', this.endpoint, ...args]);
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
    const lines = readFileSync(`/proc/${await this.inspect(name, '.State.Pid')}/cgroup`, 'utf8').split('\n');
    const line = lines.find((text) => /:memory:/.test(text)) ?? lines.find((text) => text.startsWith('0::'));
    return line!.split(':').slice(2).join(':');
  }

  /** A daemon that was killed, or that keeps its containers alive, leaves mounts behind. */
  async #unmount(): Promise<void> {
    const mounts = readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[1] ?? '')
      .filter((path) => path.startsWith(`${this.#directory}/`));
    for (const path of mounts.reverse()) await run('umount', ['-l', path]);
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const daemon = this.#process!;
    daemon.kill(signal);
    await until(
      () => daemon.exitCode !== null || daemon.signalCode !== null,
      () => 'dockerd does not end',
    );
  }

  async #makeImage(): Promise<void> {
    const bin = this.#path('image/bin');
    mkdirSync(bin, { recursive: true });
    copyFileSync('/usr/bin/busybox', join(bin, 'busybox'));
    for (const applet of APPLETS) symlinkSync('busybox', join(bin, applet));
    await run('tar', ['-C', this.#path('image'), '-cf', this.#path('image.tar'), '.']);
    await this.cli('import', '-c', 'CMD ["sleep","100000"]', this.#path('image.tar'), IMAGE);
  }
}

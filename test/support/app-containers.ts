import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { projectRoot } from '../project.js';
import { Bridge } from './bridge.js';
import { DockerEngine, IMAGE } from './docker-engine.js';

/** Files as the recorded containers had them, by name; `body /status` and `body /metrics` are what they served. */
export const fixtures = JSON.parse(
  readFileSync(join(projectRoot, 'test/golden/appmetrics-fixtures.json'), 'utf8'),
) as Readonly<Record<string, unknown>>;

/** Containers of a Docker engine of its own that serve files over HTTP. */
export class AppContainers {
  private constructor(
    readonly engine: DockerEngine,
    private readonly bridge: Bridge,
    private readonly directory: string,
  ) {}

  static async start(): Promise<AppContainers> {
    const bridge = await Bridge.create();
    try {
      const engine = await DockerEngine.start(bridge.engineFlags);
      return new AppContainers(engine, bridge, mkdtempSync(join(tmpdir(), 'tallyman-test-www-')));
    } catch (error) {
      await bridge.remove();
      throw error;
    }
  }

  /** The `with:` of the docker plugin. */
  get endpoint(): string {
    return this.engine.endpoint;
  }

  /**
   * Starts a container in which busybox serves `files` on port 8000.
   * @param flags more flags of `docker run`
   * @returns its absolute container name
   */
  async serve(name: string, files: Readonly<Record<string, string>>, flags: readonly string[] = []): Promise<string> {
    for (const [path, text] of Object.entries(files)) this.write(name, path, text);
    const mount = ['-v', `${join(this.directory, name)}:/www:ro`];
    return this.run(name, [...mount, ...flags], ['busybox', 'httpd', '-f', '-p', '8000', '-h', '/www']);
  }

  /** Starts a container. @returns its absolute container name */
  async run(name: string, flags: readonly string[], command: readonly string[]): Promise<string> {
    await this.engine.cli('run', '-d', '--name', name, ...flags, IMAGE, ...command);
    return this.engine.cgroup(name);
  }

  /** Writes a file below a container's `/www`. */
  write(name: string, path: string, text: string): void {
    const file = join(this.directory, name, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  /** Path on the host of a file below a container's `/www`. */
  path(name: string, path: string): string {
    return join(this.directory, name, path);
  }

  async stop(): Promise<void> {
    await this.engine.stop();
    await this.bridge.remove();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

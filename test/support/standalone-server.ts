import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../src/testing/clock.js';

export interface ServerOptions {
  /** Variables of its environment, which may name its directory. */
  readonly env?: (directory: string) => Readonly<Record<string, string>>;
  /** Asked until it does not throw any more. */
  readonly ready: () => Promise<unknown>;
}

/** A server of this host's packages with a directory of its own, which can be killed and started again. */
export class StandaloneServer {
  readonly directory = mkdtempSync(join(tmpdir(), 'tallyman-test-server-'));
  private child: ChildProcess | undefined;
  private log = '';

  constructor(
    private readonly program: string,
    private readonly args: (directory: string) => readonly string[],
    private readonly options: ServerOptions,
  ) {}

  get pid(): number {
    return this.child!.pid!;
  }

  /** Writes a file into the directory. @returns its path */
  write(name: string, text: string): string {
    const path = join(this.directory, name);
    writeFileSync(path, text);
    return path;
  }

  async start(): Promise<this> {
    const env = { ...process.env, ...this.options.env?.(this.directory) };
    const child = spawn(this.program, this.args(this.directory), { stdio: ['ignore', 'pipe', 'pipe'], env });
    this.child = child;
    child.on('error', (error) => {
      this.log += error.message;
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.log = (this.log + text).slice(-4000);
      });
    }
    let failure: unknown;
    await until(
      async () => {
        if (child.exitCode !== null) throw new Error(`${this.program} ended: ${this.log}`);
        try {
          await this.options.ready();
          return true;
        } catch (error) {
          failure = error;
          return false;
        }
      },
      () => `${this.program} does not answer: ${failure} ${this.log}`,
    );
    return this;
  }

  /** Ends the process; the directory stays, and with it the data. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    // A stopped process ends only by SIGKILL.
    await ended;
  }

  /** Ends the process and removes its directory. */
  async remove(): Promise<void> {
    await this.end('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** VictoriaMetrics on a port, with more flags. Queries see samples of one second ago; otherwise it would be 30. */
export const victoriaMetrics = (port: number, flags: (directory: string) => readonly string[] = () => [], env = {}) =>
  new StandaloneServer(
    'victoria-metrics',
    (directory) => [
      `-httpListenAddr=127.0.0.1:${port}`,
      `-storageDataPath=${directory}/data`,
      '-search.latencyOffset=1s',
      ...flags(directory),
    ],
    { env: () => env, ready: () => answered(`http://127.0.0.1:${port}/health`) },
  );

/** InfluxDB 1 on a port. */
export function influxdb(port: number): StandaloneServer {
  const env = (directory: string) => ({
    INFLUXDB_REPORTING_DISABLED: 'true',
    INFLUXDB_BIND_ADDRESS: '127.0.0.1:0',
    INFLUXDB_HTTP_BIND_ADDRESS: `127.0.0.1:${port}`,
    INFLUXDB_META_DIR: `${directory}/meta`,
    INFLUXDB_DATA_DIR: `${directory}/data`,
    INFLUXDB_DATA_WAL_DIR: `${directory}/wal`,
  });
  const ready = () => answered(`http://127.0.0.1:${port}/ping`);
  return new StandaloneServer('influxd', () => ['run', '-config', '/dev/null'], { env, ready });
}

/** @throws Error when it answers anything but 2xx */
export async function answered(url: string): Promise<void> {
  const response = await fetch(url);
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One element of an instant query's result. */
export interface QueryResult {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

/** A Prometheus of its own, on a free port, with its data in a directory that goes with it. */
export class PrometheusServer {
  private child!: ChildProcess;
  private ended!: Promise<unknown>;
  private readonly directory: string;
  private log = '';
  private address = '127.0.0.1:0';

  private constructor(
    config: string,
    private readonly flags: readonly string[],
  ) {
    this.directory = mkdtempSync(join(tmpdir(), 'tallyman-test-prometheus-'));
    writeFileSync(join(this.directory, 'prometheus.yml'), config);
  }

  /** @param config text of prometheus.yml */
  static async start(config: string, flags: readonly string[] = []): Promise<PrometheusServer> {
    const server = new PrometheusServer(config, flags);
    await server.run();
    return server;
  }

  get url(): string {
    return `http://${this.address}`;
  }

  /** Starts it again after a `kill`, on the same port and with its data. */
  async run(): Promise<void> {
    this.log = '';
    this.child = spawn(
      'prometheus',
      [
        `--config.file=${this.directory}/prometheus.yml`,
        `--storage.tsdb.path=${this.directory}/data`,
        `--web.listen-address=${this.address}`,
        '--log.level=debug',
        ...this.flags,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.ended = once(this.child, 'exit');
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.log += text;
    });
    this.address = await this.logged(/msg="Listening on" address=(127\.0\.0\.1:[1-9]\d*)/);
    await this.logged(/msg="(Server is ready)/);
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /** Lines of its log that say of something going wrong, series by series. */
  get complaints(): string[] {
    return this.log
      .split('\n')
      .filter((line) => /level=(warn|error)|msg="(Duplicate sample|Out of (order|bounds))/i.test(line));
  }

  async query(expression: string): Promise<readonly QueryResult[]> {
    const answer = await this.api(`query?query=${encodeURIComponent(expression)}`);
    return (answer as { result: readonly QueryResult[] }).result;
  }

  /** The number that an expression comes to. @throws Error when it is not one */
  async number(expression: string): Promise<number> {
    const result = await this.query(expression);
    if (result.length !== 1) throw new Error(`${expression}: ${result.length} results`);
    return Number(result[0]!.value[1]);
  }

  /** What `/api/v1/…` answers. */
  async api(path: string): Promise<unknown> {
    const response = await fetch(`${this.url}/api/v1/${path}`);
    const body = (await response.json()) as { status: string; error?: string; data: unknown };
    if (body.status !== 'success') throw new Error(`${path}: ${body.error}`);
    return body.data;
  }

  /** Its metrics about itself. */
  async text(): Promise<string> {
    return (await fetch(`${this.url}/metrics`)).text();
  }

  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    await this.ended;
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async logged(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.log)?.[1];
      if (found !== undefined) return found;
      if (this.child.exitCode !== null) throw new Error(`prometheus ended: ${this.log}`);
      await Promise.race([once(this.child.stderr!, 'data'), this.ended]);
    }
  }
}

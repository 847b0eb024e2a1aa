import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agentMain } from '../project.js';

/** Pauses between two requests, ms. They grow, as an agent that is asked all the time has less time for its work. */
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [20, 150];
const next = (pauseMs: number) => Math.min(pauseMs * 1.3, LONGEST_PAUSE_MS);

/** How an agent is started. */
export interface Launch {
  /** A program and its arguments that starts the agent in its own place: `['prlimit', '--nofile=80']`. */
  readonly through?: readonly string[];
  /** A descriptor for its standard error, in place of `output`. */
  readonly stderr?: number;
  /** Its code, where not that of this clone. */
  readonly main?: string;
}

/** The agent as a user runs it: a process of its own, with a config file of its own, on a free port. */
export class AgentProcess {
  private readonly child: ChildProcess;
  private readonly directory: string;
  private written = '';
  private address = '';

  private constructor(config: string, args: readonly string[], env: Record<string, string>, launch: Launch) {
    this.directory = mkdtempSync(join(tmpdir(), 'tallyman-test-'));
    const { file } = this;
    // An agent that is started as another user finds it, too.
    chmodSync(this.directory, 0o755);
    this.configure(config);
    const { through = [], stderr = 'pipe', main = agentMain } = launch;
    const [program, ...rest] = [...through, process.execPath, main, '--config', file, ...args];
    this.child = spawn(program!, rest, {
      stdio: ['ignore', 'pipe', stderr],
      env: {
        ...process.env,
        NO_COLOR: '1',
        TALLYMAN_RUNTIME_DIRECTORY: this.directory,
        TALLYMAN_STATE_DIRECTORY: this.directory,
        ...env,
      },
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.written += text;
      });
    }
  }

  /**
   * Starts an agent and waits until it answers.
   * @param config the config file's text; `web.listen` is set to a free loopback port
   */
  static async start(
    config: string,
    args = ['--port', '0'],
    env: Record<string, string> = {},
    launch: Launch = {},
  ): Promise<AgentProcess> {
    const agent = AgentProcess.launch(config, args, env, launch);
    try {
      agent.address = await agent.untilServing();
    } catch (error) {
      await agent.ended();
      throw error;
    }
    return agent;
  }

  /** Starts an agent and waits for nothing. */
  static launch(
    config: string,
    args: readonly string[],
    env: Record<string, string> = {},
    launch: Launch = {},
  ): AgentProcess {
    return new AgentProcess(config, args, env, launch);
  }

  /** Waits until it answers at a URL, where its output cannot tell. */
  async answering(url: string): Promise<void> {
    this.address = url;
    await this.until('/-/status', () => true, 'an answer');
  }

  /** The config file. */
  get file(): string {
    return join(this.directory, 'tallyman.yaml');
  }

  /** Where the agent leaves its note for `tallyman reload`. */
  get runtimeDirectory(): string {
    return this.directory;
  }

  /** Replaces the config file in one step; the agent may read it at any time, also while it is being written. */
  configure(config: string): void {
    const fresh = `${this.file}.new`;
    writeFileSync(fresh, config);
    // Running as root, the agent refuses a config that others can write.
    chmodSync(fresh, 0o644);
    renameSync(fresh, this.file);
  }

  get url(): string {
    return this.address;
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Everything it wrote so far. */
  get output(): string {
    return this.written;
  }

  async json<T>(path: string): Promise<T> {
    // Not on a connection that was idle: it may be closed just when it is used again.
    const answer = await fetch(`${this.url}${path}`, { headers: { connection: 'close' } });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${text}`);
    return JSON.parse(text) as T;
  }

  /** Asks until the answer fits. @throws Error after a minute */
  async until<T>(path: string, fits: (answer: T) => boolean, what: string): Promise<T> {
    const deadline = Date.now() + 60_000;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = next(pauseMs)) {
      const answer = await this.json<T>(path).catch((error: Error) => error);
      if (this.child.exitCode !== null) throw new Error(`the agent ended: ${this.output}`);
      if (!(answer instanceof Error) && fits(answer)) return answer;
      if (Date.now() > deadline)
        throw new Error(`${what}: ${String(JSON.stringify(answer)).slice(0, 500)}\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  /** The lines of its output that contain a text, and fit, once there is one. @throws Error after a minute without */
  async said(text: string, pattern = /^/): Promise<string[]> {
    const deadline = Date.now() + 60_000;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = next(pauseMs)) {
      const lines = this.output.split('\n').filter((line) => line.includes(text) && pattern.test(line));
      if (lines.length > 0) return lines;
      if (Date.now() > deadline) throw new Error(`it never said ${JSON.stringify(text)} ${pattern}:\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Waits for its end. @returns exit status and signal */
  async ended(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
    rmSync(this.directory, { recursive: true, force: true });
    return { code: this.child.exitCode, signal: this.child.signalCode };
  }

  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    await this.ended();
  }

  private async untilServing(): Promise<string> {
    for (;;) {
      const url = /serves ((?:https?:\/\/|unix:)\S+)/.exec(this.output)?.[1];
      if (url !== undefined) return url;
      if (this.child.exitCode !== null) throw new Error(`the agent ended: ${this.output}`);
      await Promise.race([once(this.child.stdout!, 'data'), once(this.child, 'exit')]);
    }
  }
}

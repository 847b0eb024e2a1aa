import type { AgentView, PluginStatus } from '../kernel/contracts/index.js';
import type { TestAgentOptions } from './agent-config.js';
import type { LogLine } from './context.js';

/** An answer of a test agent. */
export interface TestAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/** Plugins that others depend on: metrics, containers, and API versions to extend. */
const BUILTINS = ['cpu', 'memory', 'raw', 'api-v1.3', 'api-v2.0', 'api-v2.1'];

/** A complete agent on a simulated host (or this one), with its HTTP server on a free port. */
export class TestAgent {
  private constructor(
    private readonly agent: { stop(): Promise<void> },
    /** The view of API versions, endpoints and sinks. */
    readonly view: AgentView,
    /** `http://127.0.0.1:PORT`. */
    readonly url: string,
    /** Log lines of the agent and its plugins, `part: message`. */
    readonly log: readonly LogLine[],
  ) {}

  /**
   * Starts it. When this resolves, handlers have heard of their runtimes (`whenAnswered`) and every container that is
   * there has been sampled once.
   * @throws ConfigError when the options of a plugin are not valid, TallymanError when one does not start
   */
  static async start(options: TestAgentOptions = {}): Promise<TestAgent> {
    const [{ Agent }, { READINESS }, { VIEW }, { LoggerSource }, setup] = await Promise.all([
      import('../kernel/agent.js'),
      import('../kernel/operations/index.js'),
      import('../kernel/view/index.js'),
      import('../kernel/log/index.js'),
      import('./agent-config.js'),
    ]);
    const log: LogLine[] = [];
    const logs = new LoggerSource(
      { level: 'debug', format: 'json' },
      { write: (line: string) => log.push(readLine(line)) > 0 },
    );
    const { config, builtins } = await setup.testConfig({ builtins: BUILTINS, ...options });
    const { stateDirectory } = options;
    const agent = new Agent({ config, version: '0.0.0-test', builtins, pluginDirectory: '/', logs, stateDirectory });
    try {
      const { urls } = await agent.start();
      await agent.get(READINESS).whenReady();
      return new TestAgent(agent, agent.get(VIEW), urls[0]!, log);
    } catch (error) {
      await agent.stop();
      throw error;
    }
  }

  /** The status of a plugin. @throws Error when there is none of that name */
  plugin(name: string): PluginStatus {
    const found = this.view.plugins().find((plugin) => plugin.name === name);
    if (found === undefined) throw new Error(`the test agent runs no plugin "${name}"`);
    return found;
  }

  sample(): Promise<void> {
    return this.view.refresh(this.view.containers(), 0);
  }

  async get(path: string): Promise<TestAnswer> {
    const answer = await fetch(`${this.url}${path}`, { redirect: 'manual' });
    return {
      status: answer.status,
      contentType: answer.headers.get('content-type') ?? '',
      text: await answer.text(),
    };
  }

  /** The JSON of an answer. @throws Error when its status is not 200 */
  async json<T = unknown>(path: string): Promise<T> {
    const { status, text } = await this.get(path);
    if (status !== 200) throw new Error(`${path}: ${status} ${text}`);
    return JSON.parse(text) as T;
  }

  stop(): Promise<void> {
    return this.agent.stop();
  }
}

function readLine(line: string): LogLine {
  const {
    level,
    msg,
    part,
    time: _,
    ...details
  } = JSON.parse(line) as { level: LogLine['level'] } & Record<string, unknown>;
  return { level, message: `${part}: ${msg}`, details };
}

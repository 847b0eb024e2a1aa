import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from './agent.js';
import type { AgentOptions, Found } from './agent-options.js';
import { MEMORY_LIMIT } from './budget/index.js';
import { CONFIG, type LoadedConfig } from './config/index.js';
import { CONTAINERS } from './containers/index.js';
import { type Logger, messageOf } from './contracts/index.js';
import { HOUSEKEEPER } from './housekeeping/index.js';
import { HTTP } from './http/index.js';
import { NoteKeeper, noteDirectory, READINESS } from './operations/index.js';
import { RELOADER, type Reloader } from './reload/index.js';
import { type ServiceManager, stateDirectory } from './service/index.js';
import { type OpenHandles, SUPERVISOR, type Supervisor } from './supervision/index.js';

/** Time limit in ms for stopping the agent. */
const STOP_LIMIT = 1_900;
const EXIT_FAULT = 70;
/** The agent ended itself before memory was used up; `EX_TEMPFAIL`, so that service managers start it again. */
const EXIT_MEMORY = 75;

export interface RunOptions
  extends Omit<AgentOptions, 'config' | 'pluginDirectory' | 'sockets' | 'reload' | 'modules'> {
  readonly loaded: LoadedConfig;
  /** Reads the configuration again. @throws ConfigError */
  readonly load: () => Promise<LoadedConfig>;
  /** Knows what plugins leave open. */
  readonly handles?: OpenHandles | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Runs the agent until SIGTERM or SIGINT; a second signal ends the process at once. SIGHUP reloads the configuration.
 * @param service receives the state of the agent
 * @param say called when the agent serves requests, with one line for its address and one for what it found
 * @returns the exit status
 * @throws TallymanError when it cannot start
 */
export function runAgent(options: RunOptions, service: ServiceManager, say: (line: string) => void): Promise<number> {
  return new AgentProcess(options, service).run(say);
}

/** The agent as a process: signals, the service manager, reloads. */
class AgentProcess {
  private readonly logger: Logger;
  private readonly agent: Agent;
  private readonly reloader: Reloader;
  private readonly notes: NoteKeeper;

  constructor(
    private readonly options: RunOptions,
    private readonly service: ServiceManager,
  ) {
    const { loaded, load, logs, env } = options;
    this.logger = logs.logger('agent');
    this.notes = new NoteKeeper(noteDirectory(env), this.logger);
    this.agent = new Agent({
      ...options,
      config: loaded.config,
      pluginDirectory: loaded.directory,
      modules: loaded.modules,
      sockets: service.sockets,
      stateDirectory: stateDirectory(env),
      reload: { active: loaded, load },
    });
    this.reloader = this.agent.get(RELOADER)!;
    this.reloader.observe({
      reloading: () => service.reloading(),
      reloaded: () => {
        service.reloaded();
        this.note();
      },
    });
    const supervisor = this.agent.get(SUPERVISOR);
    options.handles?.attribute(() => supervisor.current()?.id);
    attributeFaults(supervisor, logs.logger('agent', true));
  }

  async run(say: (line: string) => void): Promise<number> {
    const stopped = untilSignal();
    const started = start(this.agent);
    // A signal that comes early is kept: unhandled it would end the process.
    process.on('SIGHUP', () => {
      started.then(() => this.reloader.reload('SIGHUP')).catch(() => {});
    });
    // A stop is not delayed by a start that hangs.
    const found = await Promise.race([started, stopped]);
    if (typeof found !== 'string') this.serving(found, say);
    const noMemory = this.agent.get(MEMORY_LIMIT).exceeded.then(() => undefined);
    const signal = await Promise.race([stopped, noMemory]);
    return signal === undefined ? this.stop('out of memory', EXIT_MEMORY) : this.stop(signal, 0);
  }

  private serving(found: Found, say: (line: string) => void): void {
    const { service, agent, options } = this;
    say(`Tallyman ${options.version} serves ${found.urls.join(' and ')}`);
    say(
      `Found cgroup v${found.cgroupVersion} (${found.hierarchies.join(' ')}), ${found.containers} containers, ` +
        `${found.plugins} plugins running`,
    );
    const [containers, http] = [agent.get(CONTAINERS), agent.get(HTTP)];
    const status = () => `Sampling ${containers.size} containers, serving ${http.urls().join(' and ')}`;
    const likelyCause = () => agent.get(SUPERVISOR).lastBlocking();
    const health = { isHealthy: () => agent.get(HOUSEKEEPER).isBeating(), likelyCause, status };
    void agent
      .get(READINESS)
      .whenReady()
      .then(() => service.ready(health));
    this.note();
  }

  private async stop(reason: string, status: number): Promise<number> {
    this.logger.info(`${reason}: stopping`);
    this.service.stopping();
    setTimeout(() => process.exit(status), STOP_LIMIT);
    await this.agent.stop();
    this.notes.remove();
    await this.options.handles?.report((text, plugin) => this.logger.warn(text, { plugin }));
    return status;
  }

  private note(): void {
    const { agent, options, reloader } = this;
    const prefix = agent.get(CONFIG).config.web.urlBasePrefix;
    const urls = agent.get(HTTP).urls();
    this.notes.write({ version: options.version, urls, prefix, configuration: reloader.state() });
  }
}

/** Starts the agent. A failed start closes what it has opened. */
async function start(agent: Agent): Promise<Found> {
  try {
    return await agent.start();
  } catch (error) {
    await Promise.race([agent.stop().catch(() => {}), sleep(STOP_LIMIT)]);
    throw error;
  }
}

function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let signals = 0;
    const heard = (signal: NodeJS.Signals) => {
      if (++signals > 1) process.exit(signal === 'SIGINT' ? 130 : 143);
      resolve(signal);
    };
    process.on('SIGTERM', heard);
    process.on('SIGINT', heard);
  });
}

/** Counts an uncaught error against the plugin that it came from; one of the agent itself ends the process. */
function attributeFaults(supervisor: Supervisor, logger: Logger): void {
  process.on('uncaughtException', (error, origin) => {
    const plugin = supervisor.originOf(error);
    if (plugin !== undefined) {
      supervisor.fault(plugin, origin === 'unhandledRejection' ? 'a rejected promise' : 'a callback', error);
      return;
    }
    const cause = messageOf(error).replaceAll(/\s*\n\s*/g, ' ');
    logger.error(`the agent ends after a fault of its own: ${cause}`, { stack: error?.stack });
    process.exit(EXIT_FAULT);
  });
}

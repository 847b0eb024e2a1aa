import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from './agent.js';
import type { AgentOptions, Found } from './agent-options.js';
import type { LoadedConfig } from './config/index.js';
import { type Logger, messageOf } from './contracts/index.js';
import { createClock } from './log/index.js';
import { NoteKeeper, noteDirectory } from './operations/index.js';
import { Reloader, type ReloadOutcome } from './reload/index.js';
import type { ServiceManager } from './service/index.js';
import type { OpenHandles } from './supervision/index.js';

/** The agent ends at the latest so many ms after it was told to. */
const STOP_LIMIT = 1_900;
const EXIT_FAULT = 70;

export interface RunOptions extends Omit<AgentOptions, 'config' | 'pluginDirectory' | 'sockets' | 'reloads'> {
  /** The configuration to start with. */
  readonly loaded: LoadedConfig;
  /** Reads the configuration again. @throws ConfigError */
  readonly load: () => Promise<LoadedConfig>;
  /** Knows what plugins leave open. */
  readonly handles?: OpenHandles | undefined;
  /** Variables of the process. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Runs the agent until SIGTERM or SIGINT; a second signal ends the process at once. SIGHUP reloads the configuration.
 * @param service told how the agent is
 * @param say told, once it answers, where and what it found: one line each
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
  private urls: readonly string[] = [];
  private prefix: string;

  constructor(
    private readonly options: RunOptions,
    private readonly service: ServiceManager,
  ) {
    const { loaded, load, logs, env } = options;
    this.logger = logs.logger('agent');
    this.prefix = loaded.config.web.urlBasePrefix;
    this.notes = new NoteKeeper(noteDirectory(env, process.geteuid?.() ?? 0), this.logger);
    this.reloader = new Reloader({
      active: loaded,
      load,
      apply: (config) => this.apply(config),
      clock: createClock(),
      logger: logs.logger('reload'),
    });
    this.agent = new Agent({
      ...options,
      config: loaded.config,
      pluginDirectory: loaded.directory,
      modules: loaded.modules,
      sockets: service.sockets,
      reloads: { reload: (trigger) => this.reload(trigger), reloads: () => this.reloader.state() },
    });
    options.handles?.attribute(() => this.agent.supervisor.current()?.id);
    attributeFaults(this.agent, logs.logger('agent', true));
  }

  async run(say: (line: string) => void): Promise<number> {
    const stopped = untilSignal();
    const started = start(this.agent);
    // A signal that comes early is kept: unhandled it would end the process.
    process.on('SIGHUP', () => {
      started.then(() => this.reload('SIGHUP')).catch(() => {});
    });
    // A start that hangs is no reason to go on.
    const found = await Promise.race([started, stopped]);
    if (typeof found !== 'string') this.serving(found, say);
    return this.stop(await stopped);
  }

  private serving(found: Found, say: (line: string) => void): void {
    const { service, agent, options } = this;
    this.urls = found.urls;
    say(`Tallyman ${options.version} serves ${found.urls.join(' and ')}`);
    say(
      `Found cgroup v${found.cgroupVersion} (${found.hierarchies.join(' ')}), ${found.containers} containers, ` +
        `${found.plugins} plugins running`,
    );
    const status = () => `Sampling ${agent.containerCount()} containers, serving ${this.urls.join(' and ')}`;
    const suspect = () => agent.supervisor.lastHoldUp();
    const pulse = { isBeating: () => agent.isBeating(), suspect, status };
    void agent.whenReady().then(() => service.ready(pulse));
    this.note();
  }

  private async stop(signal: NodeJS.Signals): Promise<number> {
    this.logger.info(`${signal}: stopping`);
    this.service.stopping();
    setTimeout(() => process.exit(0), STOP_LIMIT);
    await this.agent.stop();
    this.notes.remove();
    await this.options.handles?.tell((text, plugin) => this.logger.warn(text, { plugin }));
    return 0;
  }

  private async reload(trigger: string): Promise<ReloadOutcome> {
    this.service.reloading();
    const outcome = await this.reloader.reload(trigger);
    this.service.reloaded();
    this.note();
    return outcome;
  }

  private async apply(loaded: LoadedConfig): Promise<void> {
    this.urls = await this.agent.apply(loaded);
    this.prefix = loaded.config.web.urlBasePrefix;
  }

  private note(): void {
    const { urls, prefix, options, reloader } = this;
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

/** What escapes a plugin is counted against it; what escapes the kernel ends the process with its cause in one line. */
function attributeFaults({ supervisor }: Agent, logger: Logger): void {
  process.on('uncaughtException', (error, origin) => {
    const culprit = supervisor.culprit(error);
    if (culprit !== undefined) {
      supervisor.fault(culprit, origin === 'unhandledRejection' ? 'a rejected promise' : 'a callback', error);
      return;
    }
    const cause = messageOf(error).replaceAll(/\s*\n\s*/g, ' ');
    logger.error(`the agent ends after a fault of its own: ${cause}`, { stack: error?.stack });
    process.exit(EXIT_FAULT);
  });
}

import { Agent, type AgentOptions, type Found } from './agent.js';
import { type Logger, messageOf } from './contracts/index.js';
import type { ServiceManager } from './service/index.js';

/** The agent ends at the latest so many ms after it was told to. */
const STOP_LIMIT = 1_900;
const EXIT_FAULT = 70;

/**
 * Runs the agent until SIGTERM or SIGINT; a second signal ends the process at once.
 * @param service told how the agent is
 * @param say told, once it answers, where and what it found: one line each
 * @returns the exit status
 * @throws TallymanError when it cannot start
 */
export async function runAgent(
  options: AgentOptions,
  service: ServiceManager,
  say: (line: string) => void,
): Promise<number> {
  const logger = options.logs.logger('agent');
  const agent = new Agent({ ...options, sockets: service.sockets });
  attributeFaults(agent, logger);
  const stopped = untilSignal();
  const found = await start(agent);
  say(`Tallyman ${options.version} serves ${found.urls.join(' and ')}`);
  say(
    `Found cgroup v${found.cgroupVersion} (${found.hierarchies.join(' ')}), ${found.containers} containers, ` +
      `${found.plugins} plugins running`,
  );
  const status = () => `Sampling ${agent.containerCount()} containers, serving ${found.urls.join(' and ')}`;
  void agent.whenSampled().then(() => service.ready({ isBeating: () => agent.isBeating(), status }));
  process.on('SIGHUP', () => {
    service.reloading();
    logger.info('SIGHUP: a changed configuration takes effect when the agent is started again');
    service.reloaded();
  });
  const signal = await stopped;
  logger.info(`${signal}: stopping`);
  service.stopping();
  const limit = setTimeout(() => process.exit(0), STOP_LIMIT);
  await agent.stop();
  clearTimeout(limit);
  return 0;
}

/** Starts the agent. A failed start closes what it has opened: an open watch or timer would keep the process alive. */
async function start(agent: Agent): Promise<Found> {
  try {
    return await agent.start();
  } catch (error) {
    setTimeout(() => process.exit(), STOP_LIMIT).unref();
    await agent.stop().catch(() => {});
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
    logger.error(`the agent ends after a fault of its own: ${messageOf(error)}`, { stack: error?.stack });
    process.exit(EXIT_FAULT);
  });
}

import type { AgentOptions, Found } from './agent-options.js';
import { Composition, LIFECYCLES, Lifecycles, type Module, type Token } from './composition/index.js';
import { ActiveConfig, AGENT, CONFIG, CONFIG_OBSERVERS, type ConfigChange, STATE_DIRECTORY } from './config/index.js';
import { CONTAINER_OBSERVERS, CONTAINERS } from './containers/index.js';
import { messageOf } from './contracts/index.js';
import { HTTP, SOCKETS } from './http/index.js';
import { HIERARCHIES } from './linux/index.js';
import { CLOCK, LOGS } from './log/index.js';
import { BUILTINS } from './plugins/index.js';
import { RELOAD_SOURCE } from './reload/index.js';
import { ROOMS } from './rooms.js';
import { ACTIVE_PLUGINS, PLUGIN_OBSERVERS, SUPERVISOR } from './supervision/index.js';

/** How long a stop may take unless its caller says otherwise. */
const STOP_LIMIT_MS = 1_700;

/** The composition root. The modules of the rooms declare what they need of each other. */
export class Agent {
  private readonly composition: Composition;
  private readonly lifecycles: Lifecycles;

  /** @throws Error when the rooms do not fit together */
  constructor(options: AgentOptions) {
    const { rooms = ROOMS, overrides = [] } = options;
    this.composition = new Composition([optionsModule(options), ...rooms], overrides);
    const { composition } = this;
    for (const observer of composition.all(CONTAINER_OBSERVERS)) composition.get(CONTAINERS).observe(observer);
    for (const observer of composition.all(PLUGIN_OBSERVERS)) composition.get(ACTIVE_PLUGINS).observe(observer);
    const logger = options.logs.logger('agent');
    this.lifecycles = new Lifecycles(composition.all(LIFECYCLES), (error) => {
      logger.error(`a part of the agent did not stop: ${messageOf(error)}`);
    });
  }

  /** What a room provides. */
  get<T>(token: Token<T>): T {
    return this.composition.get(token);
  }

  /**
   * Loads the plugins, finds the containers, begins to sample and to answer.
   * @throws TallymanError when an address cannot be listened on, or a plugin with `onError: fail` fails
   */
  async start(): Promise<Found> {
    await this.lifecycles.start();
    const { version, mounts } = this.get(HIERARCHIES);
    return {
      urls: this.get(HTTP).urls(),
      cgroupVersion: version,
      hierarchies: mounts.map(({ controllers }) => controllers.join(',')),
      containers: this.get(CONTAINERS).size,
      plugins: this.get(SUPERVISOR)
        .statuses()
        .filter(({ up }) => up).length,
    };
  }

  /**
   * Goes over to another configuration: only what differs is touched, and everything counted so far is kept.
   * @throws TallymanError when an address, a file or a plugin with `onError: fail` cannot be used; apply the previous one
   */
  apply(change: ConfigChange): Promise<void> {
    return this.get(CONFIG).change(change, this.composition.all(CONFIG_OBSERVERS));
  }

  /**
   * Finishes open requests while the sinks hand over what they hold, then stops sampling and the other plugins, and closes
   * every file. What hangs is left behind.
   */
  async stop(limitMs = STOP_LIMIT_MS): Promise<void> {
    await this.lifecycles.stop(limitMs);
    await this.composition.dispose();
  }
}

function optionsModule(options: AgentOptions): Module {
  const { config, pluginDirectory: directory, modules, version, builtins, builtinsModule } = options;
  return {
    name: 'options',
    register(registry) {
      registry.provide(
        CONFIG,
        [],
        () => new ActiveConfig({ config, directory, ...(modules !== undefined && { modules }) }),
      );
      registry.provide(AGENT, [CLOCK], (clock) => ({ version, startedAt: clock.now() }));
      registry.provide(STATE_DIRECTORY, [], () => options.stateDirectory);
      registry.provide(LOGS, [], () => options.logs);
      registry.provide(SOCKETS, [], () => options.sockets ?? []);
      registry.provide(RELOAD_SOURCE, [], () => options.reload);
      registry.provide(BUILTINS, [], () => ({ builtins, ...(builtinsModule !== undefined && { builtinsModule }) }));
    },
  };
}

import type { PluginEntry } from '../../src/kernel/config/index.js';
import {
  type AgentView,
  definePlugin,
  type LinuxHost,
  type MetricSource,
  PLUGIN_API_VERSION,
  type PluginContext,
  z,
} from '../../src/kernel/contracts/index.js';
import { Delivery } from '../../src/kernel/delivery/delivery.js';
import { PluginHost, PluginScope } from '../../src/kernel/plugins/index.js';
import { ActivePlugins, type PluginRecord, Supervisor } from '../../src/kernel/supervision/index.js';
import { CommonTimer } from '../../src/kernel/timing/index.js';
import { wallClock } from './discovery.js';
import { loggerTo } from './loggers.js';

/** Measures nothing. */
export const SOURCE: MetricSource = { fields: [], part: 'other', attach: () => ({ absent: 'nothing' }) };

/** A metric source of that name with an option `size`. */
export function pluginNamed(name: string, create: (context: PluginContext) => MetricSource) {
  return definePlugin({
    kind: 'metric-source',
    name,
    apiVersion: PLUGIN_API_VERSION,
    description: 'for tests',
    configSchema: z.strictObject({ size: z.number().default(1) }),
    create: (context) => create(context),
  });
}

const NO_CONTAINERS = { containers: () => [] } as Partial<AgentView> as AgentView;

/** A plugin host with these built-in plugins, and what it says and does. */
export function pluginBench(plugins: Record<string, () => Promise<unknown>>, agent = NO_CONTAINERS) {
  const lines: string[] = [];
  const logger = loggerTo(lines);
  const supervisor = new Supervisor(wallClock, logger);
  const createContainer = (record: PluginRecord) => {
    const scope = new PluginScope(supervisor, record);
    const host = { linux: {} as LinuxHost, agent };
    const context = { id: record.id, logger, clock: wallClock, timers: scope, signal: scope.signal, ...host };
    return { context, scope, dispose: async () => scope.dispose() };
  };
  const activated: string[] = [];
  const registrar = { reconsider: () => {}, reconsiderAll: () => {}, findingsChanged: () => {} };
  const waiting = new Map<string, () => void>();
  const active = new ActivePlugins();
  active.observe({
    activated: ({ record }) => {
      activated.push(record.id);
      waiting.get(record.id)?.();
    },
    deactivated: ({ record }) => void activated.push(`-${record.id}`),
  });
  const delivery = new Delivery(supervisor, agent, wallClock, new CommonTimer(wallClock));
  const discovery = { registrarOf: () => registrar };
  const host = new PluginHost(createContainer, supervisor, logger, active, discovery, delivery);
  const sources = { builtins: plugins, baseDir: '/nonexistent', assertTrusted: () => {} };
  const whenActive = (id: string) => new Promise<void>((resolve) => waiting.set(id, resolve));
  return { host, active, supervisor, lines, activated, sources, whenActive };
}

/** An entry of the configuration's list of plugins. */
export function entry(use: string, options: Partial<PluginEntry> = {}): PluginEntry {
  return { id: use, use, with: {}, onError: 'ignore', startTimeout: 60_000, isolate: false, ...options };
}

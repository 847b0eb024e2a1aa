import 'reflect-metadata';
import { container as rootContainer } from 'tsyringe';
import {
  type AgentView,
  definePlugin,
  type LinuxHost,
  type MetricSource,
  PLUGIN_API_VERSION,
  type PluginContext,
  z,
} from '../../src/kernel/contracts/index.js';
import { PLUGIN_TOKENS, type PluginEntry, PluginHost } from '../../src/kernel/plugins/index.js';
import { ActivePlugins, Supervisor } from '../../src/kernel/supervision/index.js';
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

/** A plugin host with these built-in plugins, and what it says and does. */
export function pluginBench(plugins: Record<string, () => Promise<unknown>>) {
  const lines: string[] = [];
  const logger = loggerTo(lines);
  const root = rootContainer.createChildContainer();
  const supervisor = new Supervisor(wallClock, logger);
  root.register(PLUGIN_TOKENS.supervisor, { useValue: supervisor });
  root.register(PLUGIN_TOKENS.clock, { useValue: wallClock });
  root.register(PLUGIN_TOKENS.logger, { useValue: () => logger });
  root.register(PLUGIN_TOKENS.linux, { useValue: {} as LinuxHost });
  root.register(PLUGIN_TOKENS.view, { useValue: {} as AgentView });
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
  const host = new PluginHost(root, supervisor, logger, active, { registrarOf: () => registrar });
  const sources = { builtins: plugins, baseDir: '/nonexistent', assertTrusted: () => {} };
  const whenActive = (id: string) => new Promise<void>((resolve) => waiting.set(id, resolve));
  return { host, active, supervisor, lines, activated, sources, whenActive };
}

/** An entry of the configuration's list of plugins. */
export function entry(use: string, options: Partial<PluginEntry> = {}): PluginEntry {
  return { use, with: {}, onError: 'ignore', startTimeout: 1000, ...options };
}

import {
  ConfigError,
  type ConfigOverride,
  formatListenAddress,
  type LoadOptions,
  parseListenAddress,
  parsePort,
} from '../kernel/config/index.js';
import { TallymanError } from '../kernel/contracts/index.js';
import { type ConfigFlags, splitAddresses } from './flags.js';

type Settings = Pick<LoadOptions, 'named' | 'overrides'>;

/** Flags and variables as changes of the configuration, the weaker first. @throws ConfigError naming a bad one */
export function settingsOf(flags: ConfigFlags, env: Readonly<Record<string, string | undefined>>): Settings {
  const variables: ConfigFlags = {
    ...given('config', env.TALLYMAN_CONFIG),
    ...given('port', env.TALLYMAN_PORT),
    ...given('logLevel', env.TALLYMAN_LOG_LEVEL),
    ...(env.TALLYMAN_LISTEN ? { listen: splitAddresses(env.TALLYMAN_LISTEN) } : {}),
  };
  const named = nameOf(flags.config, '--config') ?? nameOf(variables.config, 'TALLYMAN_CONFIG');
  const overrides = [
    ...overridesOf(variables, { listen: 'TALLYMAN_LISTEN', port: 'TALLYMAN_PORT', logLevel: 'TALLYMAN_LOG_LEVEL' }),
    ...overridesOf(flags, { listen: '--listen', port: '--port', logLevel: '--log-level' }),
  ];
  return { overrides, ...(named === undefined ? {} : { named }) };
}

/** An empty variable counts as not set. */
function given(name: keyof ConfigFlags, value: string | undefined): Partial<ConfigFlags> {
  return value ? { [name]: value } : {};
}

function nameOf(file: string | undefined, source: string): LoadOptions['named'] {
  if (file === undefined) return undefined;
  if (file === '') throw new ConfigError([{ source, path: '', message: 'expected the name of a file, found ""' }]);
  return { file, source };
}

type Names = Record<Exclude<keyof ConfigFlags, 'config'>, string>;

function overridesOf({ listen, port, logLevel }: ConfigFlags, names: Names): ConfigOverride[] {
  const overrides: ConfigOverride[] = [];
  const add = (source: string, path: readonly string[], change: ConfigOverride['change']) =>
    overrides.push({ source, path, change });
  if (listen !== undefined) add(names.listen, ['web', 'listen'], () => listen);
  if (port !== undefined) add(names.port, ['web', 'listen'], (current) => withPort(current, port));
  if (logLevel !== undefined) add(names.logLevel, ['log', 'level'], () => logLevel);
  return overrides;
}

/** The addresses with another port; sockets stay as they are. */
function withPort(current: unknown, text: string): unknown {
  const port = parsePort(text);
  if (port === undefined) throw new TallymanError(`expected a port from 0 to 65535, found ${JSON.stringify(text)}`);
  if (!Array.isArray(current)) return current;
  let hasChanged = false;
  const changed = current.map((item: unknown) => {
    const address = typeof item === 'string' ? parseListenAddress(item) : undefined;
    if (address?.kind !== 'tcp') return item;
    hasChanged = true;
    return formatListenAddress({ ...address, port });
  });
  if (!hasChanged) throw new TallymanError('web.listen has no host:port address whose port it could change');
  return [...new Set(changed)];
}

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

/** Flags and variables as overrides of the configuration, lowest precedence first. @throws ConfigError */
export function settingsOf(flags: ConfigFlags, env: Readonly<Record<string, string | undefined>>): Settings {
  const variables: ConfigFlags = {
    ...given('config', env.TALLYMAN_CONFIG),
    ...given('port', env.TALLYMAN_PORT),
    ...given('logLevel', env.TALLYMAN_LOG_LEVEL),
    ...given('allowUnauthenticated', env.TALLYMAN_ALLOW_UNAUTHENTICATED),
    ...(env.TALLYMAN_LISTEN ? { listen: splitAddresses(env.TALLYMAN_LISTEN) } : {}),
  };
  const named = namedBy(flags.config, '--config') ?? namedBy(variables.config, 'TALLYMAN_CONFIG');
  const overrides = [
    ...overridesOf(variables, (flag) => `TALLYMAN_${flag.toUpperCase().replaceAll('-', '_')}`),
    ...overridesOf(flags, (flag) => `--${flag}`),
  ];
  return { overrides, ...(named === undefined ? {} : { named }) };
}

/** An empty variable counts as unset. */
function given(name: keyof ConfigFlags, value: string | undefined): Partial<ConfigFlags> {
  return value ? { [name]: value } : {};
}

function namedBy(file: string | undefined, source: string): LoadOptions['named'] {
  if (file === undefined) return undefined;
  if (file === '') throw new ConfigError([{ source, path: '', message: 'expected the name of a file, found ""' }]);
  return { file, source };
}

/** @param nameOf name of the flag or variable in errors */
function overridesOf(given: ConfigFlags, nameOf: (flag: string) => string): ConfigOverride[] {
  const { listen, port, logLevel, allowUnauthenticated } = given;
  const overrides: ConfigOverride[] = [];
  const add = (flag: string, path: readonly string[], change: ConfigOverride['change']) =>
    overrides.push({ source: nameOf(flag), path, change });
  if (listen !== undefined) add('listen', ['web', 'listen'], () => listen);
  if (port !== undefined) add('port', ['web', 'listen'], (current) => withPort(current, port));
  if (logLevel !== undefined) add('log-level', ['log', 'level'], () => logLevel);
  if (allowUnauthenticated !== undefined) {
    const value = { true: true, false: false }[String(allowUnauthenticated)] ?? allowUnauthenticated;
    add('allow-unauthenticated', ['web', 'allowUnauthenticated'], () => value);
  }
  return overrides;
}

/** Replaces the port of TCP addresses; sockets are unchanged. */
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

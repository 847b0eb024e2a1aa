import { Agent } from '../../kernel/agent.js';
import type { LoadedConfig } from '../../kernel/config/index.js';
import { messageOf, TallymanError } from '../../kernel/contracts/index.js';
import { OPEN } from '../../kernel/http/index.js';
import { createLoggerSource } from '../../kernel/log/index.js';
import { builtinPlugins } from '../../plugins/builtins.js';
import type { CliEnvironment } from '../environment.js';
import { EXIT } from '../exit.js';
import type { ConfigFlags } from '../flags.js';
import { loadFor } from '../load.js';
import { agentVersion } from '../version.js';

export interface CardinalityFlags extends ConfigFlags {
  /** Of the metrics of a running agent. */
  readonly url?: string;
  readonly json?: boolean;
}

/**
 * Prints how many series the metrics have, by metric, label and container. With `url` a running agent is asked;
 * without, an agent is started with the configuration, samples every container once and stops: a configuration can be
 * judged before anybody scrapes it.
 * @throws ConfigError, TallymanError
 */
export async function cardinality(flags: CardinalityFlags, cli: CliEnvironment): Promise<number> {
  const form = flags.json === true ? 'json' : '1';
  const print = (text: string) => cli.out(text.endsWith('\n') ? text : `${text}\n`);
  if (flags.url !== undefined) {
    print(await explanation(urlOf(flags.url), form));
    return EXIT.ok;
  }
  for (const text of await withAgent(await loadFor(flags, cli), form)) print(text);
  return EXIT.ok;
}

async function withAgent(loaded: LoadedConfig, form: string): Promise<string[]> {
  const endpoints = loaded.plugins.filter(({ plugin }) => plugin.name === 'prometheus');
  if (endpoints.length === 0) {
    throw new TallymanError('the configuration has no prometheus endpoint', { hint: 'plugins: [{ use: prometheus }]' });
  }
  const sinks = new Set(loaded.plugins.filter(({ plugin }) => plugin.kind === 'sink').map(({ use }) => use));
  const { config, directory } = loaded;
  const agent = new Agent({
    config: {
      ...config,
      web: { ...config.web, ...OPEN, listen: ['127.0.0.1:0'] },
      plugins: config.plugins.filter(({ use }) => !sinks.has(use)),
    },
    version: agentVersion(),
    builtins: builtinPlugins,
    pluginDirectory: directory,
    logs: createLoggerSource({ ...config.log, level: 'error' }),
  });
  try {
    const { urls } = await agent.start();
    await agent.whenSampled();
    const texts: string[] = [];
    for (const { options } of endpoints) {
      const { path } = options as { path: string };
      texts.push(await explanation(new URL(`${urls[0]}${config.web.urlBasePrefix}${path}`), form));
    }
    return texts;
  } finally {
    await agent.stop();
  }
}

/** @throws TallymanError */
function urlOf(text: string): URL {
  const full = /^https?:\/\//.test(text) ? text : `http://${text}`;
  if (!URL.canParse(full)) {
    throw new TallymanError(`not a URL: ${JSON.stringify(text)}`, { hint: '--url http://127.0.0.1:8080/metrics' });
  }
  return new URL(full);
}

async function explanation(url: URL, form: string): Promise<string> {
  if (url.pathname === '/') url.pathname = '/metrics';
  url.searchParams.set('explain', form);
  let response: Response;
  try {
    response = await fetch(url);
  } catch (error) {
    const { cause } = error as { cause?: unknown };
    throw new TallymanError(`no agent answers at ${url.origin}: ${messageOf(cause ?? error)}`, {
      hint: 'leave --url out to have an agent started with the configuration for this once',
    });
  }
  const text = await response.text();
  if (!response.ok) throw new TallymanError(`${url.href} answers ${response.status}: ${text.trim()}`);
  return text;
}

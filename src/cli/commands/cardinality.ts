import type { LoadedConfig } from '../../kernel/config/index.js';
import { TallymanError } from '../../kernel/contracts/index.js';
import type { CliEnvironment } from '../environment.js';
import { EXIT } from '../exit.js';
import type { ConfigFlags } from '../flags.js';
import { loadFor } from '../load.js';
import { textOf, urlOf, withShortAgent } from '../short-agent.js';

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
    print(await explanation(urlOf(flags.url, 'http://127.0.0.1:8080/metrics'), form));
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
  return withShortAgent(loaded, async (url) => {
    const texts: string[] = [];
    for (const { options } of endpoints) {
      const { path } = options as { path: string };
      texts.push(await explanation(new URL(`${url}${path}`), form));
    }
    return texts;
  });
}

async function explanation(url: URL, form: string): Promise<string> {
  if (url.pathname === '/') url.pathname = '/metrics';
  url.searchParams.set('explain', form);
  return textOf(url);
}

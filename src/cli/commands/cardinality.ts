import type { LoadedConfig } from '../../kernel/config/index.js';
import { TallymanError } from '../../kernel/contracts/index.js';
import { routeOf, type Target, targetOf, textOf } from '../agent-client/index.js';
import type { CliEnvironment } from '../environment.js';
import type { AnswerFlags } from '../flags.js';
import { loadFor } from '../load.js';
import { withTemporaryAgent } from '../temporary-agent.js';

/** `url` is the address of the metrics. A temporary agent lets a configuration be checked before it is used. */
export async function cardinality(cli: CliEnvironment, flags: AnswerFlags): Promise<void> {
  const form = flags.json === true ? 'json' : '1';
  const print = (text: string) => cli.out(text.endsWith('\n') ? text : `${text}\n`);
  if (flags.url !== undefined) {
    const named = targetOf(flags.url, 'http://127.0.0.1:8080/metrics');
    const metrics = named.url.pathname === '/' ? routeOf(named, '/metrics') : named;
    print(await textOf(explained(metrics, form), flags, cli));
    return;
  }
  for (const text of await withAgent(await loadFor(flags, cli), form, cli)) print(text);
}

async function withAgent(loaded: LoadedConfig, form: string, cli: CliEnvironment): Promise<string[]> {
  const endpoints = loaded.plugins.filter(({ plugin }) => plugin.name === 'prometheus');
  if (endpoints.length === 0) {
    throw new TallymanError('the configuration has no prometheus endpoint', { hint: 'plugins: [{ use: prometheus }]' });
  }
  return withTemporaryAgent(loaded, async (agent) => {
    const texts: string[] = [];
    for (const { options } of endpoints) {
      const { path } = options as { path: string };
      texts.push(await textOf(explained(routeOf(agent, path), form), {}, cli));
    }
    return texts;
  });
}

function explained(metrics: Target, form: string): Target {
  const url = new URL(metrics.url);
  url.searchParams.set('explain', form);
  return { ...metrics, url };
}

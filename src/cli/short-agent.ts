import { Agent } from '../kernel/agent.js';
import type { LoadedConfig } from '../kernel/config/index.js';
import { messageOf, TallymanError } from '../kernel/contracts/index.js';
import { OPEN } from '../kernel/http/index.js';
import { createLoggerSource } from '../kernel/log/index.js';
import { builtinPlugins } from '../plugins/builtins.js';
import { agentVersion } from './version.js';

/**
 * Starts an agent with the configuration for a command's question, on loopback and without its sinks, and stops it.
 * @param ask told the agent's URL, with `urlBasePrefix`, when every container has a sample
 */
export async function withShortAgent<T>(loaded: LoadedConfig, ask: (url: string) => Promise<T>): Promise<T> {
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
    return await ask(`${urls[0]}${config.web.urlBasePrefix}`);
  } finally {
    await agent.stop();
  }
}

/** The URL that a flag names. @throws TallymanError */
export function urlOf(text: string, example: string): URL {
  const full = /^https?:\/\//.test(text) ? text : `http://${text}`;
  if (!URL.canParse(full)) throw new TallymanError(`not a URL: ${JSON.stringify(text)}`, { hint: `--url ${example}` });
  return new URL(full);
}

/** What an agent answers. @throws TallymanError when it does not, or not with 200 */
export async function textOf(url: URL): Promise<string> {
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

import { messageOf } from '../../../kernel/contracts/index.js';
import { routesOf } from '../../../testing/contract/requests.js';
import type { TestAgent } from '../../../testing/index.js';
import { BASIC_SOURCES, parsedOptions, printLines, type RunSetup, withHostAgent } from './setup.js';

/** A version may extend any of these. */
const API_VERSIONS = ['v1.0', 'v1.1', 'v1.2', 'v1.3', 'v2.0', 'v2.1'].map((version) => `api-${version}`);

/** Streams never end, so requests are aborted after this time. */
const TIMEOUT_MS = 5_000;

/** Prints the answers of an endpoint or API version: for each of its routes, or for `request`. */
export function runAnswers(setup: RunSetup): Promise<boolean> {
  const { plugin, request } = setup;
  return withHostAgent(setup, [...BASIC_SOURCES, ...API_VERSIONS], async (agent) => {
    const paths = request === undefined ? routesOf({ plugin, options: parsedOptions(setup) }, agent) : [request];
    for (const path of paths) await printAnswer(agent, path, setup);
  });
}

async function printAnswer({ url }: TestAgent, path: string, setup: RunSetup): Promise<void> {
  try {
    const answer = await fetch(`${url}${path.startsWith('/') ? path : `/${path}`}`, {
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await answer.text();
    setup.out(`GET ${path}: ${answer.status} ${answer.headers.get('content-type') ?? 'without a content type'}`);
    printLines(readable(text, answer.headers.get('content-type') ?? '').split('\n'), setup);
  } catch (error) {
    setup.out(`GET ${path}: no whole answer within ${TIMEOUT_MS / 1000} s (${messageOf(error)})`);
  }
}

/** Indents JSON; removes the last line end of other text. */
function readable(text: string, type: string): string {
  if (!type.startsWith('application/json')) return text.replace(/\n$/, '');
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}

import type { ApiVersion, Endpoint } from '../../kernel/contracts/index.js';
import type { TestAgent } from '../test-agent.js';
import { type Check, type CheckSetup, Problems } from './check.js';
import { make, stop } from './life.js';

const ODD_TAILS = [
  '',
  '/',
  '/no/such/container',
  '/%00',
  '/..%2f..%2f',
  '/ü',
  '?count=-5',
  '?count=x&count=y',
  '?start=soon',
];
const OVERLONG = `/${'x'.repeat(3000)}`;

/** Checks of routes: answers to valid and invalid requests. */
export function requestChecks(setup: CheckSetup, agent: TestAgent): Check[] {
  return [
    { name: 'has routes', run: () => routeProblems(setup, agent) },
    { name: 'answers odd requests', run: () => oddRequestProblems(setup, agent) },
  ];
}

function routeProblems(setup: CheckSetup, agent: TestAgent): string[] {
  const routes = routesOf(setup, agent);
  if (routes.length === 0) return ['it serves nothing'];
  if (setup.plugin.kind !== 'endpoint') return [];
  return routes.flatMap((route) => {
    if (!route.startsWith('/')) return [`route ${route} does not begin with /`];
    return /^\/api(\/?$|\/v\d)/.test(route) ? [`route ${route} is in the place of the API versions`] : [];
  });
}

/** The paths under which the plugin's handlers are mounted. */
export function routesOf(setup: CheckSetup, agent: TestAgent): string[] {
  const made = make(setup, { agent: agent.view, linux: agent.view.host });
  try {
    if (setup.plugin.kind === 'endpoint') return Object.keys((made.instance as Endpoint).routes);
    const { version, requestTypes } = made.instance as ApiVersion;
    return Object.keys(requestTypes).map((type) => `/api/${version}/${type}`);
  } finally {
    void stop(made);
  }
}

async function oddRequestProblems(setup: CheckSetup, agent: TestAgent): Promise<string[]> {
  const problems = new Problems();
  for (const route of routesOf(setup, agent)) {
    const tails =
      route.endsWith('/') || setup.plugin.kind === 'api-version' ? [...ODD_TAILS, OVERLONG] : ['', '?count=x'];
    for (const tail of tails) await checkAnswer(agent, `${route.replace(/\/$/, '')}${tail}`, problems);
  }
  const { errors, lastError } = agent.plugin(setup.plugin.name);
  if (errors > 0) problems.add(`${errors} requests were faults of the plugin; the last: ${lastError}`);
  return problems.list();
}

async function checkAnswer(agent: TestAgent, path: string, problems: Problems): Promise<void> {
  const answer = await agent.get(path).catch((error: Error) => error);
  const shown = path.slice(0, 80);
  if (answer instanceof Error) return problems.add(`${shown}: no answer (${answer.message})`);
  if (answer.status >= 500) problems.add(`${shown}: ${answer.status} ${answer.text.slice(0, 200)}`);
  if (answer.status !== 200 || !answer.contentType.startsWith('application/json')) return;
  try {
    JSON.parse(answer.text);
  } catch {
    problems.add(`${shown}: the answer says that it is JSON and is not`);
  }
}

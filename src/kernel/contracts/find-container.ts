import type { AgentView, ContainerView } from './agent-view.js';
import type { ContainerDescription } from './container.js';
import { badRequest, notFound } from './errors.js';

/** The container with the absolute name. @throws RequestError 404 when there is none */
export function containerNamed(agent: Pick<AgentView, 'container'>, name: string): ContainerView {
  const container = agent.container(name);
  if (container === undefined) throw notFound(`unknown container ${JSON.stringify(name)}`);
  return container;
}

/** The container with the alias, or the only one whose alias starts with it. @throws RequestError 404 otherwise */
export function containerWithAlias(agent: Pick<AgentView, 'lookup'>, namespace: string, alias: string): ContainerView {
  const [container, another] = agent.lookup(namespace, alias);
  if (container === undefined) throw notFound(`unable to find container "${alias}" in "${namespace}" namespace`);
  if (another !== undefined) throw notFound(`unable to find container. Container "${alias}" is not unique`);
  return container;
}

/** A container that runs or ended recently. */
export interface FoundContainer {
  /** Absolute name. */
  readonly name: string;
  readonly description: ContainerDescription;
}

const MIN_ID_PREFIX = 3;
const MAX_LISTED = 5;

/**
 * Finds a container as people name it: its absolute name, an alias of any runtime, the beginning of its id (3 characters
 * or more), or the last part of its name (`nginx.service`). One that runs goes before one that ended.
 * @throws RequestError 404 when nothing fits, 400 when several do
 */
export function findContainer(agent: Pick<AgentView, 'containers' | 'departed'>, text: string): FoundContainer {
  const wanted = text.length > 1 ? text.replace(/\/+$/, '') : text;
  for (const candidates of [agent.containers(), agent.departed()]) {
    for (const fits of WAYS) {
      const found = candidates.filter((candidate) => fits(candidate, wanted));
      if (found.length > 1) throw ambiguous(text, found);
      if (found[0] !== undefined) return { name: found[0].name, description: found[0].description };
    }
  }
  throw notFound(`no container ${JSON.stringify(text)}: neither an absolute name, an alias, an id nor a unit`);
}

/** In the order in which they are tried. */
const WAYS: readonly ((candidate: FoundContainer, text: string) => boolean)[] = [
  ({ name }, text) => name === text || name === `/${text}`,
  ({ description }, text) => description.aliases.includes(text),
  ({ description }, text) => text.length >= MIN_ID_PREFIX && description.id?.startsWith(text) === true,
  ({ name }, text) => name.endsWith(`/${text}`),
];

function ambiguous(text: string, found: readonly FoundContainer[]): Error {
  const names = found.slice(0, MAX_LISTED).map(({ name }) => name);
  const rest = found.length > names.length ? ` and ${found.length - names.length} more` : '';
  return badRequest(`${JSON.stringify(text)} fits several containers: ${names.join(', ')}${rest}`);
}

import type { AgentView, ContainerView } from './agent-view.js';
import { notFound } from './errors.js';

/** The container of that absolute name. @throws RequestError 404 when there is none */
export function containerNamed(agent: Pick<AgentView, 'container'>, name: string): ContainerView {
  const container = agent.container(name);
  if (container === undefined) throw notFound(`unknown container ${JSON.stringify(name)}`);
  return container;
}

/** The container of that alias, or of the one alias that begins so. @throws RequestError 404 when none fits, or several */
export function containerWithAlias(agent: Pick<AgentView, 'lookup'>, namespace: string, alias: string): ContainerView {
  const [container, another] = agent.lookup(namespace, alias);
  if (container === undefined) throw notFound(`unable to find container "${alias}" in "${namespace}" namespace`);
  if (another !== undefined) throw notFound(`unable to find container. Container "${alias}" is not unique`);
  return container;
}

import {
  type AgentView,
  type ApiRequest,
  badRequest,
  type ContainerView,
  containerNamed,
  containerWithAlias,
  notFound,
  type RequestOptions,
} from '../../kernel/contracts/index.js';

/** The containers that a v2 request selects. @throws RequestError when there is none */
export function selectContainers(
  agent: AgentView,
  { containerName }: ApiRequest,
  options: RequestOptions,
): readonly ContainerView[] {
  if (options.type === 'name' || !options.recursive) {
    if (!options.recursive) return [selectContainer(agent, containerName, options)];
    const containers = agent.containersBelow(containerName);
    if (containers.length === 0) throw notFound(`unknown container: ${JSON.stringify(containerName)}`);
    return containers;
  }
  if (containerName !== '/') {
    const name = JSON.stringify(containerName);
    throw badRequest(`invalid request for ${options.type} container ${name} with subcontainers`);
  }
  return agent.containersOf(options.type);
}

/** The only container that a name selects. @throws RequestError when there is none, or more than one */
export function selectContainer(agent: AgentView, name: string, { type }: RequestOptions): ContainerView {
  return type === 'name' ? containerNamed(agent, name) : containerWithAlias(agent, type, name.slice(1));
}

/** Samples containers whose values are older than the request's `max_age`. */
export async function refreshed<T extends readonly ContainerView[]>(
  agent: AgentView,
  containers: T,
  { maxAge }: RequestOptions,
): Promise<T> {
  if (maxAge !== undefined) await agent.refresh(containers, maxAge);
  return containers;
}

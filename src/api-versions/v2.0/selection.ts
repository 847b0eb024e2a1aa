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

/**
 * The containers that a v2 request selects, sampled again where their values are older than its `max_age`.
 * @throws RequestError when there is none
 */
export async function selectContainers(
  agent: AgentView,
  request: ApiRequest,
  options: RequestOptions,
): Promise<readonly ContainerView[]> {
  const containers = selected(agent, request, options);
  if (options.maxAge !== undefined) await agent.refresh(containers, options.maxAge);
  return containers;
}

function selected(agent: AgentView, { containerName }: ApiRequest, options: RequestOptions): readonly ContainerView[] {
  if (!options.recursive) return [selectContainer(agent, containerName, options)];
  if (options.type === 'name') {
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

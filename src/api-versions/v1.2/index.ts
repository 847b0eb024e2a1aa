import {
  type AgentView,
  type ApiRequest,
  badRequest,
  type ContainerView,
  containerWithAlias,
  definePlugin,
  PLUGIN_API_VERSION,
} from '../../kernel/contracts/index.js';
import {
  ContainerInfoWriter,
  containerQuery,
  explain,
  hasSamples,
  mapAnswer,
  type RequestTypes,
  requireSamples,
} from '../v1.0/index.js';
import { requestTypesV11 } from '../v1.1/index.js';

/** The request types of v1.2: those of v1.1 and `docker`. */
export function requestTypesV12(agent: AgentView, infos: ContainerInfoWriter): RequestTypes {
  return {
    ...requestTypesV11(agent, infos),
    docker: async (request) => {
      const query = await containerQuery(request);
      const containers = dockerContainers(agent, request);
      return mapAnswer(containers, (out, container) => infos.write(out, container, query));
    },
  };
}

/** The Docker container that the request names, else all. */
function dockerContainers(agent: AgentView, { args }: ApiRequest): readonly ContainerView[] {
  const [name] = args;
  if (name === undefined) return agent.containersOf('docker').filter(hasSamples);
  if (args.length > 1) throw badRequest(`unknown request for Docker container [${args.join(' ')}]`);
  const failure = `failed to get Docker container ${JSON.stringify(name)} with error`;
  return [explain(failure, () => requireSamples(containerWithAlias(agent, 'docker', name)))];
}

const operations = async () => (await import('./operations.js')).operationsV12;

export default definePlugin({
  kind: 'api-version',
  name: 'api-v1.2',
  apiVersion: PLUGIN_API_VERSION,
  description: 'REST API v1.2: v1.1, and Docker containers by name or id.',
  create: ({ agent }) => ({
    version: 'v1.2',
    requestTypes: requestTypesV12(agent, new ContainerInfoWriter()),
    operations,
  }),
});

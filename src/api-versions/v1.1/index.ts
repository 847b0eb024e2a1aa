import { type AgentView, definePlugin, notFound, PLUGIN_API_VERSION } from '../../kernel/contracts/index.js';
import {
  ContainerInfoWriter,
  containerQuery,
  hasSamples,
  listAnswer,
  type RequestTypes,
  requestTypesV10,
} from '../v1.0/index.js';

/** The request types of v1.1: those of v1.0 and `subcontainers`. */
export function requestTypesV11(agent: AgentView, infos: ContainerInfoWriter): RequestTypes {
  return {
    ...requestTypesV10(agent, infos),
    subcontainers: async (request) => {
      const query = await containerQuery(request);
      const { containerName } = request;
      const containers = agent.containersBelow(containerName);
      if (containers.length === 0) {
        const name = JSON.stringify(containerName);
        throw notFound(`failed to get subcontainers for container ${name} with error: no containers found`);
      }
      return listAnswer(containers.filter(hasSamples), (out, container) => infos.write(out, container, query));
    },
  };
}

const operations = async () => (await import('./operations.js')).operationsV11;

export default definePlugin({
  kind: 'api-version',
  name: 'api-v1.1',
  apiVersion: PLUGIN_API_VERSION,
  description: 'REST API v1.1: v1.0, and a container with everything below it.',
  create: ({ agent }) => ({
    version: 'v1.1',
    requestTypes: requestTypesV11(agent, new ContainerInfoWriter()),
    operations,
  }),
});

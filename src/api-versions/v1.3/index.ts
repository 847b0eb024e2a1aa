import { type AgentView, definePlugin, PLUGIN_API_VERSION, z } from '../../kernel/contracts/index.js';
import { ContainerInfoWriter, type RequestTypes } from '../v1.0/index.js';
import { requestTypesV12 } from '../v1.2/index.js';

/** The request types of v1.3: those of v1.2. */
export function requestTypesV13(agent: AgentView, infos: ContainerInfoWriter): RequestTypes {
  return { ...requestTypesV12(agent, infos) };
}

export default definePlugin({
  kind: 'api-version',
  name: 'api-v1.3',
  apiVersion: PLUGIN_API_VERSION,
  description: 'REST API v1.3: v1.2.',
  configSchema: z.strictObject({}),
  create: ({ agent }) => ({ version: 'v1.3', requestTypes: requestTypesV13(agent, new ContainerInfoWriter()) }),
});

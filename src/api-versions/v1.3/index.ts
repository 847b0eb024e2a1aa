import { definePlugin, PLUGIN_API_VERSION } from '../../kernel/contracts/index.js';
import { ContainerInfoWriter, type RequestTypes } from '../v1.0/index.js';
import { requestTypesV12 } from '../v1.2/index.js';
import { type EventsContext, eventsHandler } from './events.js';

export { type EventsContext, eventsHandler } from './events.js';

/** The request types of v1.3: those of v1.2 and `events`. */
export function requestTypesV13(context: EventsContext, infos: ContainerInfoWriter): RequestTypes {
  return { ...requestTypesV12(context.agent, infos), events: eventsHandler(context) };
}

const operations = async () => (await import('./operations.js')).operationsV13;

export default definePlugin({
  kind: 'api-version',
  name: 'api-v1.3',
  apiVersion: PLUGIN_API_VERSION,
  description: 'REST API v1.3: v1.2, and what happened to containers, as a list or as a stream.',
  create: (context) => ({
    version: 'v1.3',
    requestTypes: requestTypesV13(context, new ContainerInfoWriter()),
    operations,
  }),
});

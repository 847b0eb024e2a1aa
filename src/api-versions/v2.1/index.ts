import {
  type AgentView,
  badRequest,
  containerNamed,
  containerWithAlias,
  definePlugin,
  PLUGIN_API_VERSION,
  parseRequestOptions,
  type RequestHandler,
} from '../../kernel/contracts/index.js';
import { json, type RequestTypes, SpecWriter } from '../v1.0/index.js';
import type { EventsContext } from '../v1.3/index.js';
import { containersHandler, partsOf, RatedSamples, requestTypesV20, validator } from '../v2.0/index.js';
import { machineSample, sparseSample } from './samples.js';

/** The request types of v2.1: those of v2.0 with another form of `stats`, and `machinestats`. */
export function requestTypesV21(context: EventsContext): RequestTypes {
  const { agent } = context;
  const specs = new SpecWriter();
  const samples = new RatedSamples(sparseSample);
  return {
    ...requestTypesV20(context),
    stats: containersHandler(
      agent,
      (out, container, { count }) => {
        out.ascii('{"spec":');
        specs.writeV2(out, container);
        const window = container.samples({ count });
        if (window.length > 0) {
          out.ascii(',"stats":');
          samples.write(out, window, partsOf(container), container.appMetrics);
        }
        out.ascii('}');
      },
      // The machine has a request type of its own.
      (containers) => containers.filter(({ name }) => name !== '/'),
    ),
    machinestats: machineStats(agent),
  };
}

function machineStats(agent: AgentView): RequestHandler {
  const samples = new RatedSamples(machineSample);
  return async (request) => {
    const options = parseRequestOptions(request.query, agent);
    if (options.type !== 'name') {
      containerWithAlias(agent, options.type, '');
      throw badRequest(`machinestats are those of "/", which is no ${options.type} container`);
    }
    const root = containerNamed(agent, '/');
    if (options.maxAge !== undefined) await agent.refresh([root], options.maxAge);
    if (options.count === 0) return json(null);
    return { body: (out) => samples.write(out, root.samples({ count: options.count }), partsOf(root)) };
  };
}

const operations = async () => (await import('./operations.js')).operationsV21;

export default definePlugin({
  kind: 'api-version',
  name: 'api-v2.1',
  apiVersion: PLUGIN_API_VERSION,
  description: 'REST API v2.1: v2.0 with specs beside the samples, and the samples of the machine.',
  create: (context) => ({
    version: 'v2.1',
    validate: validator(context.agent),
    requestTypes: requestTypesV21(context),
    operations,
  }),
});

import {
  type AgentView,
  type Answer,
  type ContainerView,
  containerNamed,
  isRequestError,
  RequestError,
  type RequestHandler,
} from '../../kernel/contracts/index.js';
import { type ContainerInfoWriter, requireSamples } from './container-info.js';
import { machineJson } from './machine.js';
import { containerQuery } from './query.js';

export type RequestTypes = Readonly<Record<string, RequestHandler>>;

/** The request types of v1.0: `containers`, `machine`. */
export function requestTypesV10(agent: AgentView, infos: ContainerInfoWriter): RequestTypes {
  return {
    containers: async (request) => {
      const query = await containerQuery(request);
      const { containerName } = request;
      const container = explain(`failed to get container ${JSON.stringify(containerName)}`, () =>
        requireSamples(containerNamed(agent, containerName)),
      );
      return { body: (out) => infos.write(out, container, query) };
    },
    machine: () => json(machineJson(agent.host.machine())),
  };
}

/** Prefixes errors of `find`: `<doing> with error: <reason>`. */
export function explain(doing: string, find: () => ContainerView): ContainerView {
  try {
    return find();
  } catch (error) {
    if (!isRequestError(error)) throw error;
    throw new RequestError(error.status, `${doing} with error: ${error.message}`);
  }
}

/** An answer that is serialized from an object. */
export function json(value: unknown): Answer {
  return { body: (out) => out.json(value) };
}

import { type ByteWriter, quoteJson } from '../../kernel/contracts/bytes/index.js';
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
      const container = explain(`failed to get container ${JSON.stringify(containerName)} with error`, () =>
        requireSamples(containerNamed(agent, containerName)),
      );
      return { body: (out) => infos.write(out, container, query) };
    },
    machine: () => json(machineJson(agent.host.machine())),
  };
}

/** Prefixes errors of `find`: `<failure>: <reason>`. */
export function explain(failure: string, find: () => ContainerView): ContainerView {
  try {
    return find();
  } catch (error) {
    if (!isRequestError(error)) throw error;
    throw new RequestError(error.status, `${failure}: ${error.message}`);
  }
}

/** `[value,…]`: an answer whose values `write` prints one after the other. */
export function listAnswer<T>(
  items: readonly T[],
  write: (out: ByteWriter, item: T) => void,
  [open, close] = ['[', ']'],
): Answer {
  return {
    *body(out) {
      out.ascii(open);
      for (const [index, item] of items.entries()) {
        if (index > 0) out.ascii(',');
        write(out, item);
        yield;
      }
      out.ascii(close);
    },
  };
}

/** `{"<name>":value,…}`: the same by the names of containers. */
export function mapAnswer(
  containers: readonly ContainerView[],
  write: (out: ByteWriter, container: ContainerView) => void,
): Answer {
  const writeMember = (out: ByteWriter, container: ContainerView) => {
    out.text(`${quoteJson(container.name)}:`);
    write(out, container);
  };
  return listAnswer(containers, writeMember, ['{', '}']);
}

/** An answer that is serialized from an object. */
export function json(value: unknown): Answer {
  return { body: (out) => out.json(value) };
}

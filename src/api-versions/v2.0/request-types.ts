import { type ByteWriter, quoteJson } from '../../kernel/contracts/bytes/index.js';
import {
  type AgentView,
  type Answer,
  type ApiRequest,
  type ContainerView,
  parseRequestOptions,
  type RequestHandler,
  type RequestOptions,
} from '../../kernel/contracts/index.js';
import {
  CustomMetricsWriter,
  json,
  machineJson,
  machineMembers,
  nullWhenEmpty,
  type RequestTypes,
  SpecWriter,
} from '../v1.0/index.js';
import { type EventsContext, eventsHandler } from '../v1.3/index.js';
import { listProcesses } from './processes.js';
import { flatSample, partsOf, RatedSamples } from './samples.js';
import { refreshed, selectContainers } from './selection.js';
import { StorageWriter } from './storage.js';
import { withSummary, writeSummary } from './summary.js';

/** @returns a check of the options that every v2 request may have, which throws RequestError 400 */
export function validator(agent: AgentView): (request: ApiRequest) => void {
  return (request) => void parseRequestOptions(request.query, agent);
}

export function requestTypesV20(context: EventsContext): RequestTypes {
  const { agent } = context;
  const specs = new SpecWriter();
  const samples = new RatedSamples(flatSample);
  const customMetrics = new CustomMetricsWriter();
  const storage = new StorageWriter();
  return {
    version: () => json(`v${agent.version}`),
    attributes: () => json(attributesJson(agent)),
    machine: () => json(machineJson(agent.host.machine())),
    spec: containersHandler(agent, (out, container) => specs.writeV2(out, container)),
    stats: containersHandler(agent, (out, container, { count }) =>
      samples.write(out, container.samples({ count }), partsOf(container), container.appMetrics),
    ),
    appmetrics: containersHandler(agent, (out, container, { count }) =>
      customMetrics.writeHistory(out, container.appMetrics, count),
    ),
    summary: async (request) => {
      const containers = withSummary(await selected(agent, request, parseRequestOptions(request.query, agent)));
      return mapAnswer(
        containers,
        ({ name }) => name,
        // Computed while they are written, because those of 1,000 containers take a while.
        (out, container) => writeSummary(out, container.summary()),
      );
    },
    ps: async (request) => json(await listProcesses(agent, request, parseRequestOptions(request.query, agent))),
    events: eventsHandler(context),
    storage: ({ query }) => {
      const uuid = query.get('uuid');
      return { body: uuid ? storage.single(agent, uuid) : storage.list(agent, query.get('label')) };
    },
  };
}

/** A handler that answers with a map of the selected containers, whose values `write` prints. */
export function containersHandler(
  agent: AgentView,
  write: (out: ByteWriter, container: ContainerView, options: RequestOptions) => void,
  wanted: (container: ContainerView) => boolean = () => true,
): RequestHandler {
  return (request) => {
    const options = parseRequestOptions(request.query, agent);
    const answer = (containers: readonly ContainerView[]): Answer =>
      mapAnswer(
        containers.filter(wanted),
        ({ name }) => name,
        (out, container) => write(out, container, options),
      );
    if (options.maxAge === undefined) return answer(selectContainers(agent, request, options));
    return selected(agent, request, options).then(answer);
  };
}

async function selected(
  agent: AgentView,
  request: ApiRequest,
  options: RequestOptions,
): Promise<readonly ContainerView[]> {
  return refreshed(agent, selectContainers(agent, request, options), options);
}

function mapAnswer<T>(
  items: readonly T[],
  nameOf: (item: T) => string,
  write: (out: ByteWriter, item: T) => void,
): Answer {
  return {
    *body(out) {
      out.ascii('{');
      for (const [index, item] of items.entries()) {
        out.text(`${index === 0 ? '' : ','}${quoteJson(nameOf(item))}:`);
        write(out, item);
        yield;
      }
      out.ascii('}');
    },
  };
}

export function attributesJson(agent: AgentView) {
  const machine = agent.host.machine();
  const { kernelVersion, osVersion } = agent.host.versions();
  const docker = agent.runtimes().find(({ name }) => name === 'docker');
  return {
    kernel_version: kernelVersion,
    container_os_version: osVersion,
    docker_version: docker?.version ?? '',
    docker_api_version: docker?.apiVersion ?? '',
    cadvisor_version: `v${agent.version}`,
    num_cores: machine.num_cores,
    cpu_frequency_khz: machine.cpu_frequency_khz,
    memory_capacity: machine.memory_capacity,
    machine_id: machine.machine_id,
    system_uuid: machine.system_uuid,
    hugepages: nullWhenEmpty(machine.hugepages),
    ...machineMembers(machine),
  };
}

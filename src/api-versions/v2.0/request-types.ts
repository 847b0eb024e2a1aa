import type { ByteWriter } from '../../kernel/contracts/bytes/index.js';
import {
  type AgentView,
  type ApiRequest,
  type ContainerView,
  type ProcessInfo,
  parseRequestOptions,
  type RequestHandler,
  type RequestOptions,
} from '../../kernel/contracts/index.js';
import {
  CustomMetricsWriter,
  explain,
  json,
  machineJson,
  mapAnswer,
  type RequestTypes,
  SpecWriter,
} from '../v1.0/index.js';
import { type EventsContext, eventsHandler } from '../v1.3/index.js';
import { flatSample, partsOf, RatedSamples } from './samples.js';
import { selectContainer, selectContainers } from './selection.js';
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
    // Computed while they are written, because those of 1,000 containers take a while.
    summary: containersHandler(agent, (out, container) => writeSummary(out, container.summary()), withSummary),
    ps: async (request) => json(await listProcesses(agent, request, parseRequestOptions(request.query, agent))),
    events: eventsHandler(context),
    storage: ({ query }) => {
      const uuid = query.get('uuid');
      return { body: uuid ? storage.single(agent, uuid) : storage.list(agent, query.get('label')) };
    },
  };
}

/** A handler that answers with a map of the selected containers that are `able`, whose values `write` prints. */
export function containersHandler(
  agent: AgentView,
  write: (out: ByteWriter, container: ContainerView, options: RequestOptions) => void,
  able: (containers: readonly ContainerView[]) => readonly ContainerView[] = (all) => all,
): RequestHandler {
  return async (request) => {
    const options = parseRequestOptions(request.query, agent);
    const containers = able(await selectContainers(agent, request, options));
    return mapAnswer(containers, (out, container) => write(out, container, options));
  };
}

/** The processes of a container: for `/` all, each with its container; for others those directly in it. */
async function listProcesses(
  agent: AgentView,
  request: ApiRequest,
  options: RequestOptions,
): Promise<readonly ProcessInfo[]> {
  const { name } = explain('process listing failed', () => selectContainer(agent, request.containerName, options));
  const all = await agent.host.processes();
  if (name === '/') return all;
  return all.filter((process) => process.cgroup_path === name).map((process) => ({ ...process, cgroup_path: '' }));
}

function attributesJson(agent: AgentView) {
  const machine = machineJson(agent.host.machine());
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
    hugepages: machine.hugepages,
    filesystems: machine.filesystems,
    disk_map: machine.disk_map,
    network_devices: machine.network_devices,
    topology: machine.topology,
    cloud_provider: machine.cloud_provider,
    instance_type: machine.instance_type,
  };
}

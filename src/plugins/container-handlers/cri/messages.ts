import { grpcMethods, wire } from '../common/index.js';

// The messages of the Container Runtime Interface (k8s.io/cri-api, runtime/v1/api.proto), with the fields that are used. Those of
// v1alpha2 have the same numbers.
const { exactInteger, integer, message, part, parts, text, textMap, texts, truth } = wire;

const version = message({ version: text(1) });
const versionAnswer = message({ runtimeName: text(2), runtimeVersion: text(3), apiVersion: text(4) });

const podMetadata = message({ name: text(1), uid: text(2), namespace: text(3), attempt: integer(4) });
export const sandbox = message({
  id: text(1),
  metadata: part(2, podMetadata),
  state: integer(3),
  createdAt: exactInteger(4),
  labels: textMap(5),
  annotations: textMap(6),
});
const sandboxList = message({ items: parts(1, sandbox) });

const imageSpec = message({ image: text(1), userSpecifiedImage: text(18) });
const containerMetadata = message({ name: text(1), attempt: integer(2) });
export const container = message({
  id: text(1),
  sandboxId: text(2),
  metadata: part(3, containerMetadata),
  image: part(4, imageSpec),
  imageRef: text(5),
  state: integer(6),
  createdAt: exactInteger(7),
  labels: textMap(8),
  annotations: textMap(9),
});
const containerList = message({ containers: parts(1, container) });

const statusRequest = message({ id: text(1), verbose: truth(2) });
export const containerStatus = message({
  id: text(1),
  startedAt: exactInteger(5),
  finishedAt: exactInteger(6),
  exitCode: integer(7),
  state: integer(3),
  image: part(8, imageSpec),
  imageRef: text(9),
  reason: text(10),
  logPath: text(15),
});
const containerStatusAnswer = message({ status: part(1, containerStatus), info: textMap(2) });

const namespaceOptions = message({ network: integer(1) });
const namespaces = message({ options: part(2, namespaceOptions) });
export const sandboxStatus = message({
  id: text(1),
  state: integer(3),
  network: part(5, message({ ip: text(1), additional: parts(2, message({ ip: text(1) })) })),
  linux: part(6, message({ namespaces: part(1, namespaces) })),
});
const sandboxStatusAnswer = message({ status: part(1, sandboxStatus), info: textMap(2) });

const nothing = message({});
const containerFilter = message({ filter: part(1, message({ id: text(1) })) });
const sandboxFilter = message({ filter: part(1, message({ id: text(1), labels: textMap(3) })) });
const event = message({ containerId: text(1) });
const image = message({ id: text(1), tags: texts(2), digests: texts(3), size: integer(4) });
const imageList = message({ images: parts(1, image) });

export type ListedSandbox = wire.Decoded<typeof sandbox>;
export type ListedContainer = wire.Decoded<typeof container>;
export type ContainerStatus = wire.Decoded<typeof containerStatus>;
export type SandboxStatus = wire.Decoded<typeof sandboxStatus>;
export type Image = wire.Decoded<typeof image>;

/** `ContainerState` of the interface. */
export const CONTAINER_STATES = ['created', 'running', 'exited', 'dead'] as const;
/** `PodSandboxState` of the interface. */
export const SANDBOX_STATES = ['running', 'exited'] as const;
export const isReady = ({ state }: ListedSandbox): boolean => state === 0;
export const isRunning = ({ state }: ListedContainer): boolean => state === 1;
/** `NamespaceMode.NODE`. */
export const HOST_NAMESPACE = 2;

/** Versions of the interface, the preferred one first. */
export const CRI_VERSIONS = ['v1', 'v1alpha2'] as const;
export type CriVersion = (typeof CRI_VERSIONS)[number];

/** The methods of one version of the interface. */
export function criMethods(of: CriVersion) {
  const runtime = grpcMethods(`/runtime.${of}.RuntimeService/`);
  const imageService = grpcMethods(`/runtime.${of}.ImageService/`);
  return {
    version: runtime('Version', 'its version', version, versionAnswer),
    sandboxes: runtime('ListPodSandbox', 'the list of pods', sandboxFilter, sandboxList),
    containers: runtime('ListContainers', 'the list of containers', containerFilter, containerList),
    sandbox: runtime('PodSandboxStatus', 'a pod', statusRequest, sandboxStatusAnswer),
    container: runtime('ContainerStatus', 'a container', statusRequest, containerStatusAnswer),
    events: runtime('GetContainerEvents', 'its events', nothing, event),
    images: imageService('ListImages', 'the list of images', nothing, imageList),
  };
}

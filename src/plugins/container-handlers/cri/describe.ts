import { dirname } from 'node:path';
import type { ContainerState, ContainerStorage, LinuxHost } from '../../../kernel/contracts/index.js';
import {
  allowedEnvs,
  type Described,
  list,
  number,
  present,
  publish,
  record,
  text,
  upperDirectory,
} from '../common/index.js';
import {
  CONTAINER_STATES,
  type ContainerStatus,
  HOST_NAMESPACE,
  isReady,
  type ListedContainer,
  type ListedSandbox,
  SANDBOX_STATES,
  type SandboxStatus,
} from './messages.js';
import type { CriRules } from './options.js';

/** The container name that kubelet gives a pod's sandbox. */
const SANDBOX_NAME = 'POD';
const IMAGE_ID = /^(sha256:)?[0-9a-f]{64}$/;

/** What a runtime reports about a process beyond the interface, in `info`. */
export interface ProcessDetails {
  readonly pid: number | undefined;
  readonly image: string;
  readonly environment: readonly unknown[];
  readonly writableLayer: string;
}

/** The status of a container, which contains more than the list. */
export type ContainerDetails = ProcessDetails & Omit<ContainerStatus, 'image'>;

/** What only the status of a sandbox contains. */
export interface SandboxDetails extends ProcessDetails {
  readonly hasHostNetwork: boolean;
  readonly addresses: readonly string[];
}

/** A sandbox with what is known of it. */
export interface KnownSandbox {
  readonly listed: ListedSandbox;
  readonly details: SandboxDetails | undefined;
}

/** A container of a pod with what is known of both. */
export interface KnownPodContainer {
  readonly listed: ListedContainer;
  readonly details: ContainerDetails | undefined;
  readonly sandbox: KnownSandbox | undefined;
}

/** Gives the name of an image by its id, digest or name; empty when it is not known. */
export type ImageNamer = (reference: string) => string;

/** @returns details of the process; empty for a runtime that reports none, or in another form */
export function processDetails(info: Readonly<Record<string, string>>, linux: LinuxHost): ProcessDetails {
  const reported = parsed(info.info);
  const pid = number(reported.pid) || undefined;
  return {
    pid,
    image: text(reported.image),
    environment: list(record(record(reported.runtimeSpec).process).env),
    writableLayer: pid === undefined ? '' : upperDirectory(linux.procText(`${pid}/mountinfo`)),
  };
}

/** @param before what was known: a process that has ended has neither pid nor mounts */
export function containerDetails(
  status: ContainerStatus,
  process: ProcessDetails,
  before: ContainerDetails | undefined,
): ContainerDetails {
  return { ...status, ...withLayer(process, before), image: status.image?.image ?? '' };
}

export function sandboxDetails(
  status: SandboxStatus,
  process: ProcessDetails,
  before: SandboxDetails | undefined,
): SandboxDetails {
  const { ip = '', additional = [] } = status.network ?? {};
  return {
    ...withLayer(process, before),
    hasHostNetwork: status.linux?.namespaces?.options?.network === HOST_NAMESPACE,
    addresses: [ip, ...additional.map((one) => one.ip)].filter((address) => address !== ''),
  };
}

export function describeContainer(known: KnownPodContainer, rules: CriRules, nameOf: ImageNamer): Described {
  const { listed, details, sandbox } = known;
  const name = listed.metadata?.name ?? '';
  const attempt = listed.metadata?.attempt ?? 0;
  const pod = sandbox?.listed;
  const identity = { ...podLabels(pod, listed.labels), 'io.kubernetes.container.name': name };
  const images = [details?.image, listed.image?.image, listed.image?.userSpecifiedImage, listed.imageRef];
  const reported = {
    id: listed.id,
    name: aliasOf(identity, name),
    otherAliases: [dockerName(name, identity, attempt)],
    image: imageName(images, nameOf),
    imageId: details?.imageRef || listed.imageRef,
    labels: { ...labelsOf(pod, rules), ...labelsOf(listed, rules) },
    envs: allowedEnvs(details?.environment ?? [], rules),
    ...createdAt(listed),
    pid: details?.pid,
    networkMode: 'shared',
    networkOf: listed.sandboxId,
    addresses: addressesOf(sandbox?.details),
    storage: storageOf(details, details?.logPath),
    restartCount: attempt,
    state: containerState(listed, details),
  } as const;
  return withLabels(publish(reported, rules), identity);
}

/** The sandbox of a pod, which holds its network. */
export function describeSandbox({ listed, details }: KnownSandbox, rules: CriRules): Described {
  const identity = { ...podLabels(listed, {}), 'io.kubernetes.container.name': SANDBOX_NAME };
  const reported = {
    ...ofPod({ listed, details }, rules),
    id: listed.id,
    name: aliasOf(identity, SANDBOX_NAME),
    otherAliases: [dockerName(SANDBOX_NAME, identity, listed.metadata?.attempt ?? 0)],
    image: details?.image,
    pid: details?.pid,
    networkMode: details === undefined ? 'none' : details.hasHostNetwork ? 'host' : 'own',
    storage: storageOf(details, undefined),
  } as const;
  return withLabels(publish(reported, rules), identity);
}

/** A pod's present sandbox: one that is ready, else the last one that was made. */
export function newestOf<T extends KnownSandbox>(sandboxes: readonly T[]): T | undefined {
  const rank = ({ listed }: T) => (isReady(listed) ? 1e9 : 0) + (listed.metadata?.attempt ?? 0);
  return sandboxes.reduce<T | undefined>(
    (best, one) => (best === undefined || rank(one) > rank(best) ? one : best),
    undefined,
  );
}

export function describePod(known: KnownSandbox, rules: CriRules): Described {
  const identity = podLabels(known.listed, {});
  const id = known.listed.metadata?.uid ?? '';
  const reported = { ...ofPod(known, rules), id, name: aliasOf(identity), networkMode: 'none' } as const;
  return withLabels(publish(reported, rules), identity);
}

/** What a pod and its sandbox have in common. */
function ofPod({ listed, details }: KnownSandbox, rules: CriRules) {
  return {
    labels: labelsOf(listed, rules),
    envs: {},
    ...createdAt(listed),
    addresses: addressesOf(details),
    state: { status: SANDBOX_STATES[listed.state] ?? 'dead' },
  };
}

function containerState(listed: ListedContainer, details: ContainerDetails | undefined): ContainerState {
  const status = CONTAINER_STATES[listed.state] ?? 'dead';
  if (details === undefined) return { status };
  const { startedAt, finishedAt, exitCode, reason } = details;
  const end = { exitCode, oomKilled: reason === 'OOMKilled', reason: reason || undefined };
  return present({
    status,
    ...(finishedAt > 0n ? end : {}),
    startedAt: microseconds(startedAt),
    startedAtExtraNs: extraNanoseconds(startedAt),
    finishedAt: microseconds(finishedAt),
  });
}

const createdAt = ({ createdAt }: { readonly createdAt: bigint }) => ({
  createdAt: microseconds(createdAt),
  createdAtExtraNs: extraNanoseconds(createdAt),
});

/** @param nanoseconds since the epoch; 0: never */
const microseconds = (nanoseconds: bigint) => (nanoseconds > 0n ? Number(nanoseconds / 1000n) : undefined);
const extraNanoseconds = (nanoseconds: bigint) => (nanoseconds > 0n ? Number(nanoseconds % 1000n) : undefined);

function addressesOf(details: SandboxDetails | undefined): readonly string[] | undefined {
  return details === undefined || details.addresses.length === 0 ? undefined : details.addresses;
}

function storageOf(details: ProcessDetails | undefined, logPath: string | undefined): ContainerStorage {
  const own = logPath?.startsWith('/') === true ? { ownDirectory: dirname(logPath) } : {};
  if (details === undefined) return { reason: 'the runtime has not reported the container’s process yet', ...own };
  if (details.writableLayer !== '') return { writableLayer: details.writableLayer, ...own };
  return { reason: 'the container’s root is no overlay whose writable layer could be measured', ...own };
}

function withLayer(process: ProcessDetails, before: ProcessDetails | undefined): ProcessDetails {
  const { writableLayer, environment, image } = before ?? process;
  return {
    pid: process.pid,
    image: process.image || image,
    environment: process.environment.length > 0 ? process.environment : environment,
    writableLayer: process.writableLayer || writableLayer,
  };
}

/** The labels that say which pod it is, from the interface's own fields where they are there. */
function podLabels(pod: ListedSandbox | undefined, labels: Readonly<Record<string, string>>): Record<string, string> {
  const { name, namespace, uid } = pod?.metadata ?? {};
  return {
    'io.kubernetes.pod.name': name ?? labels['io.kubernetes.pod.name'] ?? '',
    'io.kubernetes.pod.namespace': namespace ?? labels['io.kubernetes.pod.namespace'] ?? '',
    'io.kubernetes.pod.uid': uid ?? labels['io.kubernetes.pod.uid'] ?? '',
  };
}

/** Labels, and annotations of those that are wanted. */
function labelsOf(
  of: Pick<ListedSandbox, 'labels' | 'annotations'> | undefined,
  { annotationAllow }: CriRules,
): Readonly<Record<string, string>> {
  if (of === undefined) return {};
  if (annotationAllow.length === 0) return of.labels;
  const wanted = Object.entries(of.annotations).filter(([key]) => annotationAllow.some((pattern) => pattern.test(key)));
  return { ...of.labels, ...Object.fromEntries(wanted.map(([key, value]) => [`annotation.${key}`, value])) };
}

/** The labels that identify a pod are published whatever `labelAllow` is. */
function withLabels(described: Described, identity: Readonly<Record<string, string>>): Described {
  const { description } = described;
  return { ...described, description: { ...description, labels: { ...description.labels, ...identity } } };
}

/** `namespace/pod/container` */
function aliasOf(identity: Readonly<Record<string, string>>, ...rest: readonly string[]): string {
  const [pod = '', namespace = ''] = [identity['io.kubernetes.pod.name'], identity['io.kubernetes.pod.namespace']];
  return pod === '' ? '' : [namespace, pod, ...rest].join('/');
}

/** The name that a container of this pod has in Docker, and in cAdvisor with CRI-O. */
function dockerName(name: string, identity: Readonly<Record<string, string>>, attempt: number): string {
  const [pod, namespace, uid] = ['name', 'namespace', 'uid'].map((what) => identity[`io.kubernetes.pod.${what}`]);
  return `k8s_${name}_${pod}_${namespace}_${uid}_${attempt}`;
}

/** The first reference that is a name, or the name of an image that one of them identifies, or the first of them. */
function imageName(references: readonly (string | undefined)[], nameOf: ImageNamer): string {
  const known = references.filter((reference) => reference !== undefined && reference !== '') as string[];
  const named = known.find((reference) => !IMAGE_ID.test(reference));
  return named ?? (known.map(nameOf).find((name) => name !== '') || known[0] || '');
}

function parsed(json: string | undefined): Readonly<Record<string, unknown>> {
  if (json === undefined) return {};
  try {
    return record(JSON.parse(json));
  } catch {
    return {};
  }
}

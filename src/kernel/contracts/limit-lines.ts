import type { ContainerDescription } from './container.js';
import type { MendLine } from './diagnosis.js';

/** New limits of a container; absent ones are unchanged. */
export interface LimitChange {
  /** Maximum number of CPUs, `1.5`. */
  readonly cpus?: number;
  /** Number of CPUs under contention: a weight, and a request of Kubernetes. */
  readonly cpuRequest?: number;
  /** bytes */
  readonly memory?: number;
  /** Reserved memory in bytes: a reservation, and a request of Kubernetes. */
  readonly memoryRequest?: number;
  readonly pids?: number;
}

/** The members of a container that determine its lines. */
export interface LimitedContainer {
  readonly name: string;
  readonly description: ContainerDescription;
}

const MIB = 2 ** 20;
const CPU_PERIOD_US = 100_000;
/** A container with one CPU as request has this many shares (Docker) or this weight (systemd). */
const SHARES_PER_CPU = 1024;
const WEIGHT_PER_CPU = 100;

/**
 * The lines that give a container these limits: the command of its runtime first, then the lines for the file that it is
 * made from, so that they outlast it. Empty for the machine, and when nothing is to change.
 * @param cgroupVersion for raw cgroups, which have files instead of a command
 */
export function limitLines(container: LimitedContainer, change: LimitChange, cgroupVersion: 1 | 2 = 2): MendLine[] {
  const { name, description } = container;
  if (name === '/' || Object.values(change).every((value) => value === undefined)) return [];
  const { namespace, labels } = description;
  const alias = description.aliases[0];
  if (labels['io.kubernetes.pod.name'] !== undefined) return [kubernetesLine(labels, change)];
  if ((namespace === 'docker' || namespace === 'podman') && alias !== undefined) {
    const unit = labels.PODMAN_SYSTEMD_UNIT;
    return [
      { tool: namespace, line: `${namespace} update ${updateFlags(change).join(' ')} ${shellWord(alias)}` },
      ...(unit === undefined ? [] : [systemdLine(unit, change)]),
      composeLine(labels['com.docker.compose.service'] ?? alias, change),
    ];
  }
  const last = name.slice(name.lastIndexOf('/') + 1);
  if (/\.(service|scope|slice)$/.test(last)) return [systemdLine(last, change)];
  return cgroupLines(name, change, cgroupVersion);
}

/** The same limits as parts of files, independent of the runtime: compose, a drop-in of systemd, Kubernetes. */
export function limitSnippets({ name, description }: LimitedContainer, change: LimitChange): MendLine[] {
  const { labels, aliases } = description;
  const last = name.slice(name.lastIndexOf('/') + 1);
  const service = labels['com.docker.compose.service'] ?? aliases[0] ?? last.replace(/\.(service|scope|slice)$/, '');
  const block = (members: Members) =>
    textsOf(members)
      .map((text) => `    ${text}`)
      .join('\n');
  const { limits, requests } = kubernetesMembers(change);
  return [
    { tool: 'compose', line: `services:\n  ${yamlKey(service)}:\n${block(composeMembers(change))}` },
    { tool: 'systemd', line: `[Service]\n${systemdProperties(change).join('\n')}` },
    { tool: 'kubernetes', line: `resources:\n  limits:\n${block(limits)}\n  requests:\n${block(requests)}` },
  ];
}

/** Quotes a text as one shell word. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function updateFlags({ cpus, cpuRequest, memory, memoryRequest, pids }: LimitChange): string[] {
  const flags: string[] = [];
  if (cpus !== undefined) flags.push(`--cpus ${cpus}`);
  if (cpuRequest !== undefined) flags.push(`--cpu-shares ${sharesOf(cpuRequest)}`);
  // A limit above the limit of memory and swap is refused: twice the memory is what the engines take by default.
  if (memory !== undefined) flags.push(`--memory ${mebibytes(memory)}m --memory-swap ${2 * mebibytes(memory)}m`);
  if (memoryRequest !== undefined) flags.push(`--memory-reservation ${mebibytes(memoryRequest)}m`);
  if (pids !== undefined) flags.push(`--pids-limit ${pids}`);
  return flags;
}

function composeLine(service: string, change: LimitChange): MendLine {
  return { tool: 'compose', line: `services: { ${yamlKey(service)}: ${flow(composeMembers(change))} }` };
}

function composeMembers({ cpus, cpuRequest, memory, memoryRequest, pids }: LimitChange): Members {
  return {
    cpus,
    cpu_shares: cpuRequest && sharesOf(cpuRequest),
    mem_limit: memory && `${mebibytes(memory)}m`,
    mem_reservation: memoryRequest && `${mebibytes(memoryRequest)}m`,
    pids_limit: pids,
  };
}

/** `set-property` writes a drop-in of the unit, and changes the running one. */
function systemdLine(unit: string, change: LimitChange): MendLine {
  return { tool: 'systemd', line: `systemctl set-property ${shellWord(unit)} ${systemdProperties(change).join(' ')}` };
}

function systemdProperties({ cpus, cpuRequest, memory, memoryRequest, pids }: LimitChange): string[] {
  const properties: string[] = [];
  if (cpus !== undefined) properties.push(`CPUQuota=${Math.round(cpus * 100)}%`);
  if (cpuRequest !== undefined) properties.push(`CPUWeight=${weightOf(cpuRequest)}`);
  if (memory !== undefined) properties.push(`MemoryMax=${mebibytes(memory)}M`);
  if (memoryRequest !== undefined) properties.push(`MemoryLow=${mebibytes(memoryRequest)}M`);
  if (pids !== undefined) properties.push(`TasksMax=${pids}`);
  return properties;
}

/** Pods have no limit of processes of their own: that is an option of the kubelet. */
function kubernetesLine(labels: Readonly<Record<string, string>>, change: LimitChange): MendLine {
  const name = labels['io.kubernetes.container.name'] ?? '';
  if (change.pids !== undefined) return { tool: 'kubernetes', line: `podPidsLimit: ${change.pids}` };
  const kinds = Object.entries(kubernetesMembers(change)).map(([kind, members]) => [kind, flow(members)] as const);
  const resources = kinds.flatMap(([kind, text]) => (text === '{}' ? [] : [`${kind}: ${text}`]));
  const line = `containers: [{ name: ${yamlKey(name)}, resources: { ${resources.join(', ')} } }]`;
  return { tool: 'kubernetes', line };
}

function kubernetesMembers({ cpus, cpuRequest, memory, memoryRequest }: LimitChange) {
  const resources = (cpu: number | undefined, bytes: number | undefined): Members => ({
    cpu: cpu && `${Math.round(cpu * 1000)}m`,
    memory: bytes && `${mebibytes(bytes)}Mi`,
  });
  return { limits: resources(cpus, memory), requests: resources(cpuRequest, memoryRequest) };
}

function cgroupLines(name: string, { cpus, cpuRequest, memory, memoryRequest, pids }: LimitChange, version: 1 | 2) {
  const line = (controller: string, file: string, value: string | number): MendLine => {
    const path = version === 1 ? `/sys/fs/cgroup/${controller}${name}/${file}` : `/sys/fs/cgroup${name}/${file}`;
    return { tool: 'shell', line: `echo ${value} > ${shellWord(path)}` };
  };
  const v1 = version === 1;
  const lines: MendLine[] = [];
  if (cpus !== undefined) {
    const quota = Math.round(cpus * CPU_PERIOD_US);
    if (v1) lines.push(line('cpu', 'cpu.cfs_quota_us', quota));
    else lines.push(line('', 'cpu.max', `'${quota} ${CPU_PERIOD_US}'`));
  }
  if (cpuRequest !== undefined)
    lines.push(v1 ? line('cpu', 'cpu.shares', sharesOf(cpuRequest)) : line('', 'cpu.weight', weightOf(cpuRequest)));
  if (memory !== undefined) lines.push(line('memory', v1 ? 'memory.limit_in_bytes' : 'memory.max', memory));
  if (memoryRequest !== undefined)
    lines.push(line('memory', v1 ? 'memory.soft_limit_in_bytes' : 'memory.low', memoryRequest));
  if (pids !== undefined) lines.push(line('pids', 'pids.max', pids));
  return lines;
}

type Members = Readonly<Record<string, string | number | undefined>>;

/** The members of a YAML mapping that are there. */
function textsOf(members: Members): string[] {
  return Object.entries(members).flatMap(([key, value]) => (value === undefined ? [] : [`${key}: ${value}`]));
}

/** A YAML mapping on one line. */
function flow(members: Members): string {
  const texts = textsOf(members);
  return texts.length === 0 ? '{}' : `{ ${texts.join(', ')} }`;
}

function yamlKey(text: string): string {
  return /^[A-Za-z_][\w.-]*$/.test(text) ? text : JSON.stringify(text);
}

function mebibytes(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / MIB));
}

function sharesOf(cpus: number): number {
  return Math.max(2, Math.round(cpus * SHARES_PER_CPU));
}

function weightOf(cpus: number): number {
  return Math.min(10_000, Math.max(1, Math.round(cpus * WEIGHT_PER_CPU)));
}

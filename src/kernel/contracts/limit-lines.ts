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
  const { cpus, cpuRequest, memory, memoryRequest, pids } = change;
  const { labels, aliases } = description;
  const last = name.slice(name.lastIndexOf('/') + 1);
  const service = labels['com.docker.compose.service'] ?? aliases[0] ?? last.replace(/\.(service|scope|slice)$/, '');
  const memoryText = (bytes: number | undefined, unit: string) => bytes && `${mebibytes(bytes)}${unit}`;
  const compose = block('    ', {
    cpus,
    cpu_shares: cpuRequest && sharesOf(cpuRequest),
    mem_limit: memoryText(memory, 'm'),
    mem_reservation: memoryText(memoryRequest, 'm'),
    pids_limit: pids,
  });
  const unit = systemdProperties(change);
  const cpuText = (value: number | undefined) => value && `${Math.round(value * 1000)}m`;
  const limits = block('    ', { cpu: cpuText(cpus), memory: memoryText(memory, 'Mi') });
  const requests = block('    ', { cpu: cpuText(cpuRequest), memory: memoryText(memoryRequest, 'Mi') });
  return [
    { tool: 'compose', line: `services:\n  ${yamlKey(service)}:\n${compose}` },
    { tool: 'systemd', line: `[Service]\n${unit.join('\n')}` },
    { tool: 'kubernetes', line: `resources:\n  limits:\n${limits}\n  requests:\n${requests}` },
  ];
}

function block(indent: string, members: Readonly<Record<string, string | number | undefined>>): string {
  const present = Object.entries(members).filter(([, value]) => value !== undefined);
  return present.map(([key, value]) => `${indent}${key}: ${value}`).join('\n');
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
  const { cpus, cpuRequest, memory, memoryRequest, pids } = change;
  const options = flow({
    cpus,
    cpu_shares: cpuRequest && sharesOf(cpuRequest),
    mem_limit: memory && `${mebibytes(memory)}m`,
    mem_reservation: memoryRequest && `${mebibytes(memoryRequest)}m`,
    pids_limit: pids,
  });
  return { tool: 'compose', line: `services: { ${yamlKey(service)}: ${options} }` };
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
  const { cpus, cpuRequest, memory, memoryRequest, pids } = change;
  const name = labels['io.kubernetes.container.name'] ?? '';
  if (pids !== undefined) return { tool: 'kubernetes', line: `podPidsLimit: ${pids}` };
  const cpuText = (value: number | undefined) => value && `${Math.round(value * 1000)}m`;
  const memoryText = (value: number | undefined) => value && `${mebibytes(value)}Mi`;
  const kinds = {
    limits: flow({ cpu: cpuText(cpus), memory: memoryText(memory) }),
    requests: flow({ cpu: cpuText(cpuRequest), memory: memoryText(memoryRequest) }),
  };
  const resources = Object.entries(kinds).flatMap(([kind, values]) => (values === '{}' ? [] : [`${kind}: ${values}`]));
  const line = `containers: [{ name: ${yamlKey(name)}, resources: { ${resources.join(', ')} } }]`;
  return { tool: 'kubernetes', line };
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

/** A YAML mapping on one line, without absent members. */
function flow(members: Readonly<Record<string, string | number | undefined>>): string {
  const present = Object.entries(members).filter(([, value]) => value !== undefined);
  return present.length === 0 ? '{}' : `{ ${present.map(([key, value]) => `${key}: ${value}`).join(', ')} }`;
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

import { type ByteWriter, quoteJson } from '../../kernel/contracts/bytes/index.js';
import type { ContainerDescription, ContainerView, Limit, ResourceLimits } from '../../kernel/contracts/index.js';
import { writeCustomMetricsSpec } from './custom-metrics.js';
import { remembering, sortedMap, stringList } from './json.js';

/** "No limit" of cgroup v2 as a number. */
const UNLIMITED = '18446744073709551615';

/** The parts of a container's JSON that depend only on its description, each with its comma. */
interface DescriptionText {
  readonly id: string;
  readonly names: string;
  readonly labels: string;
  readonly image: string;
}

/** Writes the specs of containers and caches constant parts. */
export class SpecWriter {
  private readonly textOf = remembering(describe);

  /** The spec in the order of v1. */
  writeV1(out: ByteWriter, container: ContainerView): void {
    const limits = container.limits();
    const { labels, image } = this.textOf(container.description);
    writeTimes(out, container);
    out.text(labels);
    writeCpuAndMemory(out, container, limits);
    out.ascii(`,"has_network":${container.has('network')}`);
    writeProcesses(out, limits);
    out.ascii(`,"has_filesystem":${container.has('filesystem')},"has_diskio":${container.has('diskio')}`);
    writeCustomMetricsSpec(out, container);
    out.text(image);
    out.ascii('}');
  }

  /** The spec in the order of v2, which adds the names. */
  writeV2(out: ByteWriter, container: ContainerView): void {
    const limits = container.limits();
    const { names, labels, image } = this.textOf(container.description);
    writeTimes(out, container);
    out.text(names);
    out.text(labels);
    writeCpuAndMemory(out, container, limits);
    writeCustomMetricsSpec(out, container);
    writeProcesses(out, limits);
    out.ascii(`,"has_network":${container.has('network')},"has_filesystem":${container.has('filesystem')}`);
    out.ascii(`,"has_diskio":${container.has('diskio')}`);
    out.text(image);
    out.ascii('}');
  }

  /** The members before the spec in a ContainerInfo, with `{`. */
  writeIdentity(out: ByteWriter, container: ContainerView): void {
    const { id, names } = this.textOf(container.description);
    out.text(`{${id}"name":${quoteJson(container.name)}`);
    out.text(names);
  }
}

function describe({ id, aliases, namespace, labels, envs, image }: ContainerDescription): DescriptionText {
  const map = (key: string, values: Readonly<Record<string, string>>): string =>
    Object.keys(values).length === 0 ? '' : `,"${key}":${sortedMap(values)}`;
  return {
    id: id ? `"id":${quoteJson(id)},` : '',
    names:
      (aliases.length === 0 ? '' : `,"aliases":${stringList(aliases)}`) +
      (namespace ? `,"namespace":${quoteJson(namespace)}` : ''),
    labels: map('labels', labels) + map('envs', envs),
    image: image ? `,"image":${quoteJson(image)}` : '',
  };
}

/** An unknown start time is printed as the zero time. */
function writeTimes(out: ByteWriter, container: ContainerView): void {
  const { startedAt = 0, startedAtExtraNs } = container.description.state;
  out.ascii('{"creation_time":');
  out.time(container.createdAt, container.createdAtExtraNs);
  out.ascii(',"start_time":');
  out.time(startedAt, startedAtExtraNs);
}

function writeCpuAndMemory(out: ByteWriter, container: ContainerView, limits: ResourceLimits): void {
  const { cpu, memory } = limits;
  out.ascii(`,"has_cpu":${limits.hasCpu},"cpu":{"limit":${cpu.limit},"max_limit":0`);
  if (cpu.mask) {
    out.ascii(',"mask":');
    out.string(cpu.mask);
  }
  out.ascii(`${number('quota', cpu.quota)}${number('period', cpu.period)}},"has_memory":${limits.hasMemory},"memory":`);
  writeNumbers(
    out,
    number('limit', memory.limit) + number('reservation', memory.reservation) + number('swap_limit', memory.swapLimit),
  );
  out.ascii(`,"has_hugetlb":${container.has('hugetlb')}`);
}

function writeProcesses(out: ByteWriter, limits: ResourceLimits): void {
  out.ascii(`,"has_processes":${limits.hasProcesses},"processes":`);
  // "No limit" is omitted on cgroup v1; on v2 newer cAdvisor versions print it.
  const { limit } = limits.processes;
  writeNumbers(out, limit === 'unlimited' && limits.cgroupVersion === 1 ? '' : number('limit', limit));
}

/** `,"key":number`; nothing when the number is absent or 0. */
function number(key: string, value: Limit | undefined): string {
  if (value === undefined || value === 0n) return '';
  return `,"${key}":${value === 'unlimited' ? UNLIMITED : value}`;
}

function writeNumbers(out: ByteWriter, members: string): void {
  out.ascii(`{${members.slice(1)}}`);
}

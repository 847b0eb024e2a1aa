import assert from 'node:assert/strict';
import { join } from 'node:path';
import type {
  Absent,
  Clock,
  Column,
  ContainerDescription,
  Controller,
  MetricSource,
  Probe,
  ProbeTarget,
} from '../../src/kernel/contracts/index.js';
import { SampleRow } from '../../src/kernel/history/index.js';
import { type CgroupHierarchies, createCgroupFiles, DescriptorBudget } from '../../src/kernel/linux/index.js';
import { HostTree } from './tree.js';

/** A probe must settle on its columns within a few calls. */
const MOST_LAYOUTS = 4;

export const RAW: ContainerDescription = {
  aliases: [],
  labels: {},
  envs: {},
  networkMode: 'none',
  state: { status: 'running' },
};

/** The system's clock. */
export const CLOCK: Clock = { now: () => Date.now() * 1000, monotonic: () => performance.now() };

/** A clock that stands still until it is told to go on. */
export class TestClock implements Clock {
  milliseconds = 1_000_000;
  now = () => this.milliseconds * 1000;
  monotonic = () => this.milliseconds;
}

/** Name of a column as tests write it: `cpu.usage.per_cpu{0}`. */
export function nameOf({ field, labels }: Column): string {
  return labels === undefined ? field.name : `${field.name}{${labels.join(',')}}`;
}

/** One sample of a probe: column name → value, exact beyond 2^53; absent columns are left out. `undefined`: it ended. */
export function sampleOf(probe: Probe): Record<string, number | bigint> | undefined {
  const row = new SampleRow();
  for (let tries = 0; tries < MOST_LAYOUTS; tries++) {
    row.begin(probe.columns.length);
    const outcome = probe.sample(row);
    if (outcome === 'ended') return undefined;
    if (outcome === 'ok') return Object.fromEntries(probe.columns.flatMap((column, i) => cellOf(row, column, i)));
  }
  return assert.fail('the columns change at every sample');
}

function cellOf(row: SampleRow, column: Column, i: number): [string, number | bigint][] {
  const value = row.values[i]!;
  if (Number.isNaN(value)) return [];
  const exact = Math.abs(value) >= 2 ** 53 ? BigInt(value) + BigInt(row.wide ? row.residuals[i]! : 0) : value;
  return [[nameOf(column), exact]];
}

/** Attaches a source that is expected to have something for the target. */
export function attached(source: MetricSource, target: ProbeTarget): Probe {
  const result = source.attach(target);
  assert.ok(!('absent' in result), 'absent' in result ? result.absent : '');
  return result;
}

/** Attaches a source that is expected to have nothing for the target. */
export function absent(source: MetricSource, target: ProbeTarget): Absent {
  const result = source.attach(target);
  assert.ok('absent' in result);
  return result;
}

const V1_CONTROLLERS: readonly Controller[] = ['cpu', 'cpuacct', 'cpuset', 'memory', 'blkio', 'pids', 'hugetlb'];

/** A copy of cgroup and proc files in a temporary directory, read by the real readers. */
export class FileTree {
  private readonly tree = new HostTree();
  readonly root = this.tree.root;
  private readonly budget = new DescriptorBudget(100);

  constructor(readonly version: 1 | 2) {}

  /** Writes files, path below the root → content. */
  write(files: Readonly<Record<string, string>>): this {
    this.tree.add(Object.fromEntries(Object.entries(files).map(([path, content]) => [join('/', path), content])));
    return this;
  }

  /** Writes files of a controller's directory of one container. */
  writeCgroup(name: string, controller: Controller, files: Readonly<Record<string, string>>): this {
    const directory = join('sys/fs/cgroup', this.version === 1 ? controller : '', name);
    return this.write(Object.fromEntries(Object.entries(files).map(([file, text]) => [join(directory, file), text])));
  }

  target(name: string, description: ContainerDescription = RAW): ProbeTarget {
    const cgroup = createCgroupFiles(this.hierarchies(), name, this.budget);
    return { name, isRoot: name === '/', cgroup, description };
  }

  remove(): void {
    this.tree.remove();
  }

  private hierarchies(): CgroupHierarchies {
    const { cgroup } = this.tree.paths;
    if (this.version === 2) {
      const mounts = [{ controllers: V1_CONTROLLERS, path: cgroup }];
      return { version: 2, mounts, unified: cgroup, missing: [] };
    }
    const mounts = V1_CONTROLLERS.map((controller) => ({
      controllers: [controller],
      path: join(cgroup, controller),
    }));
    return { version: 1, mounts, unified: join(cgroup, 'unified'), missing: [] };
  }
}

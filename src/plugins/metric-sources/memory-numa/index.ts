import {
  type Absent,
  type Column,
  definePlugin,
  type FieldDescriptor,
  type LinuxHost,
  PLUGIN_API_VERSION,
  type Probe,
} from '../../../kernel/contracts/index.js';
import { type Cell, PartsProbe, TablePart, TableShapes, withoutController } from '../common/index.js';

/** Scopes and kinds of pages, in the order of the kernel's file. */
export const SCOPES = ['container', 'hierarchical'] as const;
export const KINDS = ['file', 'anon', 'unevictable'] as const;
export type Scope = (typeof SCOPES)[number];
export type Kind = (typeof KINDS)[number];

const KIND_HELP: Readonly<Record<Kind, string>> = {
  file: 'Pages of files',
  anon: 'Anonymous pages',
  unevictable: 'Pages that cannot be reclaimed',
};
const SCOPE_HELP: Readonly<Record<Scope, string>> = {
  container: 'of the container itself, by NUMA node',
  hierarchical: 'of the container and everything below it, by NUMA node',
};

const fieldOf = (scope: Scope, kind: Kind): FieldDescriptor => ({
  name: `memory.numa.${scope}.${kind}`,
  unit: 'pages',
  kind: 'gauge',
  help: `${KIND_HELP[kind]} ${SCOPE_HELP[scope]}.`,
  source: {
    v1: `memory.numa_stat: ${scope === 'hierarchical' ? 'hierarchical_' : ''}${kind}`,
    ...(scope === 'hierarchical' && { v2: `memory.numa_stat: ${kind}, bytes converted to pages` }),
  },
  dimensions: ['node'],
});

/** Fields of the `memory_numa` source by name. */
export const numaFields: ReadonlyMap<string, FieldDescriptor> = new Map(
  SCOPES.flatMap((scope) => KINDS.map((kind) => fieldOf(scope, kind))).map((field) => [field.name, field]),
);

/** v1: `file=0 N0=0 N1=0`, `hierarchical_file=0 N0=0 N1=0`, and the same for anon, unevictable and total. */
const LINE_V1 = /^(hierarchical_)?(\w+)=(\d+)(.*)$/gm;
/** v2: `file N0=0 N1=0`, and further kinds. */
const LINE_V2 = /^(\w+)((?: N\d+=\d+)+)$/gm;
const NODE = / N(\d+)=(\d+)/g;

/** The numbers of a v1 `memory.numa_stat`, in pages. */
export function findNumaCellsV1(text: string): Cell[] {
  return Array.from(text.matchAll(LINE_V1)).flatMap((match) => {
    const [line, below, kind, sum, nodes] = match;
    const from = match.index + line.length - nodes!.length;
    const scope = below === undefined ? 'container' : 'hierarchical';
    return [{ at: from - sum!.length }, ...nodeCells(nodes!, from, scope, kind as Kind)];
  });
}

/** The numbers of a v2 `memory.numa_stat`, in bytes. They include the container's descendants. */
export function findNumaCellsV2(text: string): Cell[] {
  return Array.from(text.matchAll(LINE_V2)).flatMap((match) => {
    const [line, kind, nodes] = match;
    return nodeCells(nodes!, match.index + line.length - nodes!.length, 'hierarchical', kind as Kind);
  });
}

function nodeCells(nodes: string, from: number, scope: Scope, kind: Kind): Cell[] {
  const field = numaFields.get(`memory.numa.${scope}.${kind}`);
  return Array.from(nodes.matchAll(NODE), (match): Cell => {
    const at = from + match.index + match[0].length - match[2]!.length;
    if (field === undefined) return { at };
    const column: Column = { field, labels: [match[1]!] };
    return { at, column };
  });
}

const AT_PAGESZ = 6n;
const WORD = 8;
const USUAL = 4096;

/** Size of a memory page in bytes, from the auxiliary vector of a process (`/proc/self/auxv`, pairs of 64-bit words). */
export function pageSizeIn(vector: Buffer): number {
  for (let at = 0; at + 2 * WORD <= vector.length; at += 2 * WORD) {
    if (vector.readBigUInt64LE(at) === AT_PAGESZ) return Number(vector.readBigUInt64LE(at + WORD)) || USUAL;
  }
  return USUAL;
}

/** Size of a memory page of this host in bytes. */
export function readPageSize(host: LinuxHost): number {
  const length = host.readProc('self/auxv');
  return length < 0 ? USUAL : pageSizeIn(host.buffer.subarray(0, length));
}

export default definePlugin({
  kind: 'metric-source',
  name: 'memory_numa',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Memory of each container by NUMA node.',
  create({ linux: host }) {
    let pageSize = 0;
    const shapes = new TableShapes(true);
    return {
      fields: [...numaFields.values()],
      part: 'memory',
      start() {
        pageSize = readPageSize(host);
      },
      attach(target): Probe | Absent {
        const { cgroup, isRoot } = target;
        const file = cgroup.file('memory', 'memory.numa_stat');
        if (file === undefined) {
          if (cgroup.directory('memory') === undefined || !isRoot) return withoutController(target, 'memory');
          return { absent: 'the kernel counts no memory by node (CONFIG_NUMA is off)', expected: true };
        }
        const table =
          cgroup.version === 1
            ? new TablePart(file, findNumaCellsV1, shapes)
            : new TablePart(file, findNumaCellsV2, shapes, 1 / pageSize);
        table.prepare();
        return new PartsProbe([table], { skipWhenIdle: true });
      },
    };
  },
});

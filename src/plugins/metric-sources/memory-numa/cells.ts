import type { Column } from '../../../kernel/contracts/index.js';
import type { Cell } from '../common/index.js';
import { type Kind, numaFields, type Scope } from './fields.js';

/** v1: `file=0 N0=0 N1=0`, `hierarchical_file=0 N0=0 N1=0`, and the same for anon, unevictable and total. */
const LINE_V1 = /^(hierarchical_)?(\w+)=(\d+)(.*)$/gm;
/** v2: `file N0=0 N1=0`, and more kinds than are asked for. */
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

/** The numbers of a v2 `memory.numa_stat`, in bytes. Its numbers include everything below the container. */
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

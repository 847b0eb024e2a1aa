import type { Core, MachineInfo, Node } from '../../kernel/contracts/index.js';
import { nullWhenEmpty } from './json.js';

/** MachineInfo has the members of the answer in their order; books and drawers are printed where there are any. */
export function machineJson(machine: MachineInfo) {
  const { num_books, num_drawers, hugepages, filesystems, topology } = machine;
  return {
    ...machine,
    num_books: num_books > 0 ? num_books : undefined,
    num_drawers: num_drawers > 0 ? num_drawers : undefined,
    hugepages: nullWhenEmpty(hugepages),
    filesystems: nullWhenEmpty(filesystems),
    topology: nullWhenEmpty(topology.map(nodeJson)),
  };
}

function nodeJson(node: Node) {
  const { hugepages, cores, caches, distances } = node;
  return {
    ...node,
    hugepages: nullWhenEmpty(hugepages),
    cores: nullWhenEmpty(cores.map(coreJson)),
    caches: nullWhenEmpty(caches),
    distances: nullWhenEmpty(distances),
  };
}

function coreJson({ core_id, thread_ids, caches, uncore_caches, ...groups }: Core) {
  return {
    core_id,
    thread_ids: nullWhenEmpty(thread_ids),
    caches: nullWhenEmpty(caches),
    uncore_caches: nullWhenEmpty(uncore_caches),
    ...groups,
  };
}

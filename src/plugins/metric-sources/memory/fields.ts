import type { FieldDescriptor } from '../../../kernel/contracts/index.js';
import { KeyedColumns } from '../common/index.js';

/** Fields of the `memory` source. */
export const fields = {
  usage: {
    name: 'memory.usage',
    unit: 'bytes',
    kind: 'gauge',
    help: 'Memory charged to the container and everything below it, page cache included.',
    source: { v1: 'memory.usage_in_bytes', v2: 'memory.current; at the root memory.stat: anon + file' },
  },
  maxUsage: {
    name: 'memory.max_usage',
    unit: 'bytes',
    kind: 'gauge',
    help: 'The highest usage since the cgroup was made or the mark was reset.',
    source: { v1: 'memory.max_usage_in_bytes', v2: 'memory.peak (Linux 5.19)' },
  },
  cache: {
    name: 'memory.cache',
    unit: 'bytes',
    kind: 'gauge',
    help: 'Page cache: contents of files, tmpfs and shared memory.',
    source: { v1: 'memory.stat: total_cache (cache when memory.use_hierarchy is 0)', v2: 'memory.stat: file' },
  },
  rss: {
    name: 'memory.rss',
    unit: 'bytes',
    kind: 'gauge',
    help: 'Anonymous memory: heap, stack, private mappings. Not the resident set size that ps shows.',
    source: { v1: 'memory.stat: total_rss (rss when memory.use_hierarchy is 0)', v2: 'memory.stat: anon' },
  },
  swap: {
    name: 'memory.swap',
    unit: 'bytes',
    kind: 'gauge',
    help: 'Memory of the container that is swapped out.',
    source: {
      v1: 'memory.stat: total_swap (swap when memory.use_hierarchy is 0)',
      v2: 'memory.swap.current; at the root /proc/meminfo: SwapTotal − SwapFree',
    },
  },
  mappedFile: {
    name: 'memory.mapped_file',
    unit: 'bytes',
    kind: 'gauge',
    help: 'Page cache that is mapped into processes.',
    source: {
      v1: 'memory.stat: total_mapped_file (mapped_file when memory.use_hierarchy is 0)',
      v2: 'memory.stat: file_mapped',
    },
  },
  workingSet: {
    name: 'memory.working_set',
    unit: 'bytes',
    kind: 'gauge',
    help: 'Usage less the page cache that has not been used lately: what would be missed if it were taken away.',
    source: {
      v1: 'memory.usage_in_bytes − memory.stat: total_inactive_file',
      v2: 'memory.current − memory.stat: inactive_file',
    },
    role: 'working-set',
  },
  failcnt: {
    name: 'memory.failcnt',
    unit: 'count',
    kind: 'counter',
    help: 'How often the memory limit was hit; on cgroup v2 limits below the container count too.',
    source: { v1: 'memory.failcnt', v2: 'memory.events: max' },
  },
  containerPgfault: {
    name: 'memory.container.pgfault',
    unit: 'count',
    kind: 'counter',
    help: 'Page faults of the container itself; on cgroup v2, which counts only that way, including everything below it.',
    source: { v1: 'memory.stat: pgfault', v2: 'memory.stat: pgfault' },
  },
  containerPgmajfault: {
    name: 'memory.container.pgmajfault',
    unit: 'count',
    kind: 'counter',
    help: 'Page faults of the container itself that had to read from disk; on cgroup v2 including everything below it.',
    source: { v1: 'memory.stat: pgmajfault', v2: 'memory.stat: pgmajfault' },
  },
  hierarchicalPgfault: {
    name: 'memory.hierarchical.pgfault',
    unit: 'count',
    kind: 'counter',
    help: 'Page faults of the container and everything below it.',
    source: { v1: 'memory.stat: total_pgfault', v2: 'memory.stat: pgfault' },
  },
  hierarchicalPgmajfault: {
    name: 'memory.hierarchical.pgmajfault',
    unit: 'count',
    kind: 'counter',
    help: 'Page faults of the container and everything below it that had to read from disk.',
    source: { v1: 'memory.stat: total_pgmajfault', v2: 'memory.stat: pgmajfault' },
  },
  totalActiveFile: {
    name: 'memory.total_active_file',
    unit: 'bytes',
    kind: 'gauge',
    help: 'Page cache that was used lately.',
    source: { v1: 'memory.stat: total_active_file', v2: 'memory.stat: active_file' },
  },
  totalInactiveFile: {
    name: 'memory.total_inactive_file',
    unit: 'bytes',
    kind: 'gauge',
    help: 'Page cache that was not used lately and is the first to be reclaimed.',
    source: { v1: 'memory.stat: total_inactive_file', v2: 'memory.stat: inactive_file' },
  },
  kernel: {
    name: 'memory.kernel',
    unit: 'bytes',
    kind: 'gauge',
    help: 'Memory the kernel uses for the container: stacks, page tables, slabs, sockets.',
    source: {
      v1: 'memory.kmem.usage_in_bytes (while option kernelMemory is on)',
      v2: 'memory.stat: kernel (Linux 5.18)',
    },
  },
  fileDirty: {
    name: 'memory.file_dirty',
    unit: 'bytes',
    kind: 'gauge',
    help: 'Page cache that was changed and waits to be written back.',
    source: { v1: 'memory.stat: total_dirty', v2: 'memory.stat: file_dirty' },
  },
  fileWriteback: {
    name: 'memory.file_writeback',
    unit: 'bytes',
    kind: 'gauge',
    help: 'Page cache that is being written back right now.',
    source: { v1: 'memory.stat: total_writeback', v2: 'memory.stat: file_writeback' },
  },
  pgscan: {
    name: 'memory.pgscan',
    unit: 'pages',
    kind: 'counter',
    help: 'Pages the kernel looked at while reclaiming memory.',
    source: { v2: 'memory.stat: pgscan' },
  },
  pgsteal: {
    name: 'memory.pgsteal',
    unit: 'pages',
    kind: 'counter',
    help: 'Pages the kernel reclaimed.',
    source: { v2: 'memory.stat: pgsteal' },
  },
  workingsetRefaultFile: {
    name: 'memory.workingset_refault_file',
    unit: 'pages',
    kind: 'counter',
    help: 'Page cache that was reclaimed and soon read again: a sign of too little memory.',
    source: {
      v1: 'memory.stat: total_workingset_refault_file (Linux 5.9)',
      v2: 'memory.stat: workingset_refault_file',
    },
  },
  workingsetRefaultAnon: {
    name: 'memory.workingset_refault_anon',
    unit: 'pages',
    kind: 'counter',
    help: 'Anonymous pages that were swapped out and soon needed again.',
    source: {
      v1: 'memory.stat: total_workingset_refault_anon (Linux 5.9)',
      v2: 'memory.stat: workingset_refault_anon',
    },
  },
  eventsHigh: {
    name: 'memory.events.high',
    unit: 'count',
    kind: 'counter',
    help: 'How often processes were slowed down to reclaim because usage was above memory.high.',
    source: { v2: 'memory.events: high' },
  },
  eventsMax: {
    name: 'memory.events.max',
    unit: 'count',
    kind: 'counter',
    help: 'How often usage was about to pass memory.max.',
    source: { v2: 'memory.events: max' },
  },
} as const satisfies Record<string, FieldDescriptor>;

/** Without `memory.use_hierarchy` a cgroup is not charged for its descendants, which the `total_` lines include. */
function statKeysV1(prefix: 'total_' | ''): KeyedColumns {
  return new KeyedColumns([
    { key: `${prefix}cache`, column: { field: fields.cache } },
    { key: `${prefix}rss`, column: { field: fields.rss } },
    { key: `${prefix}swap`, column: { field: fields.swap } },
    { key: `${prefix}mapped_file`, column: { field: fields.mappedFile } },
    { key: 'pgfault', column: { field: fields.containerPgfault } },
    { key: 'pgmajfault', column: { field: fields.containerPgmajfault } },
    { key: 'total_pgfault', column: { field: fields.hierarchicalPgfault } },
    { key: 'total_pgmajfault', column: { field: fields.hierarchicalPgmajfault } },
    { key: 'total_active_file', column: { field: fields.totalActiveFile } },
    { key: 'total_inactive_file', column: { field: fields.totalInactiveFile } },
    { key: 'total_dirty', column: { field: fields.fileDirty }, since: 'Linux 4.2' },
    { key: 'total_writeback', column: { field: fields.fileWriteback } },
    { key: 'total_workingset_refault_file', column: { field: fields.workingsetRefaultFile }, since: 'Linux 5.9' },
    { key: 'total_workingset_refault_anon', column: { field: fields.workingsetRefaultAnon }, since: 'Linux 5.9' },
  ]);
}

export const STAT_KEYS_V1 = { hierarchical: statKeysV1('total_'), own: statKeysV1('') };

export const STAT_KEYS_V2 = new KeyedColumns([
  { key: 'file', column: { field: fields.cache } },
  { key: 'anon', column: { field: fields.rss } },
  { key: 'file_mapped', column: { field: fields.mappedFile } },
  { key: 'pgfault', column: { field: fields.containerPgfault } },
  { key: 'pgmajfault', column: { field: fields.containerPgmajfault } },
  { key: 'pgfault', column: { field: fields.hierarchicalPgfault } },
  { key: 'pgmajfault', column: { field: fields.hierarchicalPgmajfault } },
  { key: 'active_file', column: { field: fields.totalActiveFile } },
  { key: 'inactive_file', column: { field: fields.totalInactiveFile } },
  { key: 'kernel', column: { field: fields.kernel }, since: 'Linux 5.18' },
  { key: 'file_dirty', column: { field: fields.fileDirty } },
  { key: 'file_writeback', column: { field: fields.fileWriteback } },
  { key: 'pgscan', column: { field: fields.pgscan } },
  { key: 'pgsteal', column: { field: fields.pgsteal } },
  { key: 'workingset_refault_file', column: { field: fields.workingsetRefaultFile }, since: 'Linux 5.9' },
  { key: 'workingset_refault_anon', column: { field: fields.workingsetRefaultAnon }, since: 'Linux 5.9' },
]);

export const EVENT_KEYS = new KeyedColumns([
  { key: 'high', column: { field: fields.eventsHigh } },
  { key: 'max', column: { field: fields.eventsMax } },
  { key: 'max', column: { field: fields.failcnt } },
]);

import { counter, gauge, KeyedColumns } from '../common/index.js';

export const fields = {
  usage: gauge('memory.usage', 'bytes', {
    help: 'Memory charged to the container and everything below it, page cache included.',
    source: { v1: 'memory.usage_in_bytes', v2: 'memory.current; at the root memory.stat: anon + file' },
  }),
  maxUsage: gauge('memory.max_usage', 'bytes', {
    help: 'The highest usage since the cgroup was made or the mark was reset.',
    source: { v1: 'memory.max_usage_in_bytes', v2: 'memory.peak (Linux 5.19)' },
  }),
  cache: gauge('memory.cache', 'bytes', {
    help: 'Page cache: contents of files, tmpfs and shared memory.',
    source: { v1: 'memory.stat: total_cache (cache when memory.use_hierarchy is 0)', v2: 'memory.stat: file' },
  }),
  rss: gauge('memory.rss', 'bytes', {
    help: 'Anonymous memory: heap, stack, private mappings. Not the resident set size that ps shows.',
    source: { v1: 'memory.stat: total_rss (rss when memory.use_hierarchy is 0)', v2: 'memory.stat: anon' },
  }),
  swap: gauge('memory.swap', 'bytes', {
    help: 'Memory of the container that is swapped out.',
    source: {
      v1: 'memory.stat: total_swap (swap when memory.use_hierarchy is 0)',
      v2: 'memory.swap.current; at the root /proc/meminfo: SwapTotal − SwapFree',
    },
  }),
  mappedFile: gauge('memory.mapped_file', 'bytes', {
    help: 'Page cache that is mapped into processes.',
    source: {
      v1: 'memory.stat: total_mapped_file (mapped_file when memory.use_hierarchy is 0)',
      v2: 'memory.stat: file_mapped',
    },
  }),
  workingSet: gauge('memory.working_set', 'bytes', {
    help: 'Usage less the page cache that has not been used lately: what would be missed if it were taken away.',
    source: {
      v1: 'memory.usage_in_bytes − memory.stat: total_inactive_file',
      v2: 'memory.current − memory.stat: inactive_file',
    },
    role: 'working-set',
  }),
  failcnt: counter('memory.failcnt', 'count', {
    help: 'How often the memory limit was hit; on cgroup v2 limits below the container count too.',
    source: { v1: 'memory.failcnt', v2: 'memory.events: max' },
  }),
  containerPgfault: counter('memory.container.pgfault', 'count', {
    help: 'Page faults of the container itself; on cgroup v2, which counts only that way, including everything below it.',
    source: { v1: 'memory.stat: pgfault', v2: 'memory.stat: pgfault' },
  }),
  containerPgmajfault: counter('memory.container.pgmajfault', 'count', {
    help: 'Page faults of the container itself that had to read from disk; on cgroup v2 including everything below it.',
    source: { v1: 'memory.stat: pgmajfault', v2: 'memory.stat: pgmajfault' },
  }),
  hierarchicalPgfault: counter('memory.hierarchical.pgfault', 'count', {
    help: 'Page faults of the container and everything below it.',
    source: { v1: 'memory.stat: total_pgfault', v2: 'memory.stat: pgfault' },
  }),
  hierarchicalPgmajfault: counter('memory.hierarchical.pgmajfault', 'count', {
    help: 'Page faults of the container and everything below it that had to read from disk.',
    source: { v1: 'memory.stat: total_pgmajfault', v2: 'memory.stat: pgmajfault' },
  }),
  totalActiveFile: gauge('memory.total_active_file', 'bytes', {
    help: 'Page cache that was used lately.',
    source: { v1: 'memory.stat: total_active_file', v2: 'memory.stat: active_file' },
  }),
  totalInactiveFile: gauge('memory.total_inactive_file', 'bytes', {
    help: 'Page cache that was not used lately and is the first to be reclaimed.',
    source: { v1: 'memory.stat: total_inactive_file', v2: 'memory.stat: inactive_file' },
  }),
  kernel: gauge('memory.kernel', 'bytes', {
    help: 'Memory the kernel uses for the container: stacks, page tables, slabs, sockets.',
    source: {
      v1: 'memory.kmem.usage_in_bytes (while option kernelMemory is on)',
      v2: 'memory.stat: kernel (Linux 5.18)',
    },
  }),
  fileDirty: gauge('memory.file_dirty', 'bytes', {
    help: 'Page cache that was changed and waits to be written back.',
    source: { v1: 'memory.stat: total_dirty', v2: 'memory.stat: file_dirty' },
  }),
  fileWriteback: gauge('memory.file_writeback', 'bytes', {
    help: 'Page cache that is being written back right now.',
    source: { v1: 'memory.stat: total_writeback', v2: 'memory.stat: file_writeback' },
  }),
  pgscan: counter('memory.pgscan', 'pages', {
    help: 'Pages the kernel looked at while reclaiming memory.',
    source: { v2: 'memory.stat: pgscan' },
  }),
  pgsteal: counter('memory.pgsteal', 'pages', {
    help: 'Pages the kernel reclaimed.',
    source: { v2: 'memory.stat: pgsteal' },
  }),
  workingsetRefaultFile: counter('memory.workingset_refault_file', 'pages', {
    help: 'Page cache that was reclaimed and soon read again: a sign of too little memory.',
    source: {
      v1: 'memory.stat: total_workingset_refault_file (Linux 5.9)',
      v2: 'memory.stat: workingset_refault_file',
    },
  }),
  workingsetRefaultAnon: counter('memory.workingset_refault_anon', 'pages', {
    help: 'Anonymous pages that were swapped out and soon needed again.',
    source: {
      v1: 'memory.stat: total_workingset_refault_anon (Linux 5.9)',
      v2: 'memory.stat: workingset_refault_anon',
    },
  }),
  eventsHigh: counter('memory.events.high', 'count', {
    help: 'How often processes were slowed down to reclaim because usage was above memory.high.',
    source: { v2: 'memory.events: high' },
  }),
  eventsMax: counter('memory.events.max', 'count', {
    help: 'How often usage was about to pass memory.max.',
    source: { v2: 'memory.events: max' },
  }),
};

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

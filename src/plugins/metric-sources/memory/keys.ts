import { KeyedColumns } from '../common/index.js';
import { memoryFields as fields } from './fields.js';

/** Without `memory.use_hierarchy` the `total_` lines of a cgroup do not stand for what it is charged with. */
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

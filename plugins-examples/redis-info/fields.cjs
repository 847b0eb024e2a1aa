/**
 * A line of INFO and the metric that it becomes.
 * @typedef {object} Field
 * @property {string} line
 * @property {import('tallyman/plugin').AppMetricSpec} spec
 */

/** @type {(line: string, name: string, units: string, help: string) => Field} */
const gauge = (line, name, units, help) => ({ line, spec: { name, type: 'gauge', format: 'int', units, help } });

/** @type {(line: string, name: string, units: string, help: string) => Field} */
const counter = (line, name, units, help) => ({ line, spec: { name, type: 'cumulative', format: 'int', units, help } });

/** @type {(field: Field) => Field} */
const float = ({ line, spec }) => ({ line, spec: { ...spec, format: 'float' } });

/**
 * What is taken of the `key:value` lines; names are those of the usual Prometheus exporter. Lines that a server does not
 * have (they came with newer releases, or with replication) are left out.
 * @type {readonly Field[]}
 */
const FIELDS = [
  counter('uptime_in_seconds', 'redis_uptime_in_seconds', 'seconds', 'Time since the start of the server.'),
  gauge('connected_clients', 'redis_connected_clients', 'clients', 'Connections of clients.'),
  gauge('blocked_clients', 'redis_blocked_clients', 'clients', 'Clients that wait in a blocking call.'),
  gauge('maxclients', 'redis_config_maxclients', 'clients', 'Most connections that are let in.'),
  gauge('used_memory', 'redis_memory_used_bytes', 'bytes', 'Memory that was allocated.'),
  gauge('used_memory_rss', 'redis_memory_used_rss_bytes', 'bytes', 'Memory as the kernel counts it.'),
  gauge('used_memory_peak', 'redis_memory_used_peak_bytes', 'bytes', 'Most memory that was allocated so far.'),
  gauge('maxmemory', 'redis_memory_max_bytes', 'bytes', 'Most memory that may be allocated; 0: no limit.'),
  float(gauge('mem_fragmentation_ratio', 'redis_mem_fragmentation_ratio', '', 'Resident by allocated memory.')),
  gauge('loading', 'redis_loading_dump_file', '', '1 while the data set is being loaded.'),
  gauge('rdb_changes_since_last_save', 'redis_rdb_changes_since_last_save', 'changes', 'Changes not yet in a dump.'),
  gauge('rdb_last_save_time', 'redis_rdb_last_save_timestamp_seconds', 'seconds', 'Unix time of the last dump.'),
  gauge('rdb_last_bgsave_status', 'redis_rdb_last_bgsave_status', '', '1: the last dump succeeded.'),
  gauge('aof_enabled', 'redis_aof_enabled', '', '1: every change is written to a file.'),
  gauge('aof_last_write_status', 'redis_aof_last_write_status', '', '1: the last write to that file succeeded.'),
  counter('total_connections_received', 'redis_connections_received_total', 'connections', 'Connections let in.'),
  counter('rejected_connections', 'redis_rejected_connections_total', 'connections', 'Refused because of maxclients.'),
  counter('total_commands_processed', 'redis_commands_processed_total', 'commands', 'Commands that were done.'),
  counter('total_net_input_bytes', 'redis_net_input_bytes_total', 'bytes', 'Bytes received.'),
  counter('total_net_output_bytes', 'redis_net_output_bytes_total', 'bytes', 'Bytes sent.'),
  counter('expired_keys', 'redis_expired_keys_total', 'keys', 'Keys whose time was over.'),
  counter('evicted_keys', 'redis_evicted_keys_total', 'keys', 'Keys removed for want of memory.'),
  counter('keyspace_hits', 'redis_keyspace_hits_total', 'lookups', 'Lookups of a key that was there.'),
  counter('keyspace_misses', 'redis_keyspace_misses_total', 'lookups', 'Lookups of a key that was not there.'),
  gauge('connected_slaves', 'redis_connected_slaves', 'replicas', 'Replicas that are connected.'),
  gauge('master_repl_offset', 'redis_master_repl_offset', 'bytes', 'Position in the stream of changes.'),
  gauge('master_link_status', 'redis_master_link_up', '', 'Of a replica: 1 while its master can be reached.'),
  float(counter('used_cpu_sys', 'redis_cpu_sys_seconds_total', 'seconds', 'CPU time in the kernel.')),
  float(counter('used_cpu_user', 'redis_cpu_user_seconds_total', 'seconds', 'CPU time outside of the kernel.')),
];

/** Of the section Keyspace: `db0:keys=2,expires=1,avg_ttl=0`. */
const DATABASE_FIELDS = [
  gauge('keys', 'redis_db_keys', 'keys', 'Keys in the database.'),
  gauge('expires', 'redis_db_keys_expiring', 'keys', 'Keys of the database that have an end.'),
];

/** @type {import('tallyman/plugin').AppMetricSpec} */
const INSTANCE = {
  name: 'redis_instance_info',
  type: 'gauge',
  format: 'int',
  units: '',
  help: 'Always 1; the labels say version and role of the server.',
};

module.exports = { FIELDS, DATABASE_FIELDS, INSTANCE };

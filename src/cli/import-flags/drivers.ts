import { parseDuration } from '../../kernel/contracts/index.js';
import type { Draft } from './draft.js';
import { type Given, listOf, truth } from './words.js';

const NO_SINK = 'there is no sink for it: see `use: otlp`, and have a collector hand the samples on';
const KEPT =
  'measurements, members and keys keep cAdvisor’s names (layout: cadvisor); docs/compatibility.md says what differs';

interface Driver {
  readonly sink: string;
  /** Flags besides `storage_driver` that it reads. */
  readonly flags: readonly string[];
  /** The differences, as a comment in the file. */
  readonly remark: string;
  apply(option: (path: string, value: unknown) => void, given: Given): void;
}

const COMMON = ['user', 'password', 'host', 'db', 'secure', 'buffer_duration'].map((name) => `storage_driver_${name}`);

const KAFKA_FILES = ['cert', 'key', 'ca'];

const DRIVERS: Readonly<Record<string, Driver>> = {
  influxdb: {
    sink: 'influxdb',
    flags: [...COMMON, 'storage_driver_influxdb_retention_policy'],
    remark: KEPT,
    apply(option, given) {
      const scheme = truth(given('storage_driver_secure')) === true ? 'https' : 'http';
      option('url', `${scheme}://${given('storage_driver_host') ?? 'localhost:8086'}`);
      option('database', given('storage_driver_db') ?? 'cadvisor');
      const policy = given('storage_driver_influxdb_retention_policy');
      if (policy) option('retentionPolicy', policy);
      const [username, password] = [given('storage_driver_user'), given('storage_driver_password')];
      if (username !== undefined || password !== undefined) {
        option('basicAuth', { username: username ?? 'root', password: password ?? 'root' });
      }
      // cAdvisor collects all samples for this time and sends them together.
      option('resolution', 'all');
    },
  },
  redis: {
    sink: 'redis',
    flags: ['storage_driver_host', 'storage_driver_db', 'storage_driver_password', 'storage_driver_buffer_duration'],
    remark: `${KEPT}; every container is sent at each interval, of which cAdvisor sent one, and the list is kept from growing (maxLength)`,
    apply(option, given) {
      option('url', `redis://${given('storage_driver_host') ?? 'localhost:8086'}`);
      option('key', given('storage_driver_db') ?? 'cadvisor');
      const password = given('storage_driver_password');
      if (password) option('password', password);
    },
  },
  elasticsearch: {
    sink: 'elasticsearch',
    flags: ['storage_driver_es_host', 'storage_driver_es_index'],
    remark: `${KEPT}; a sample is sent every 10 s (interval), and types are gone, as since Elasticsearch 7`,
    apply(option, given) {
      option('url', given('storage_driver_es_host') ?? 'http://localhost:9200');
      option('index', given('storage_driver_es_index') ?? 'cadvisor');
    },
  },
  kafka: {
    sink: 'kafka',
    flags: ['broker_list', 'topic', ...KAFKA_FILES.map((file) => `ssl_${file}`), 'ssl_verify'].map(
      (name) => `storage_driver_kafka_${name}`,
    ),
    remark: `${KEPT}; a sample is sent every 10 s (interval), and certificates are verified unless ssl_verify is false`,
    apply(option, given) {
      option('brokers', (given('storage_driver_kafka_broker_list') ?? 'localhost:9092').split(','));
      option('topic', given('storage_driver_kafka_topic') ?? 'stats');
      const files = KAFKA_FILES.map((name) => [`tls.${name}`, given(`storage_driver_kafka_ssl_${name}`)] as const);
      // cAdvisor uses TLS only when all three are given.
      if (!files.every(([, file]) => file)) return;
      option('secure', true);
      for (const [path, file] of files) option(path, file);
      if (truth(given('storage_driver_kafka_ssl_verify')) === false) option('tls.verify', false);
    },
  },
  statsd: {
    sink: 'statsd',
    flags: ['storage_driver_host'],
    remark: 'gauges are called <host>.<container>.<metric>, with the names of /metrics',
    apply(option, given) {
      option('address', given('storage_driver_host') ?? 'localhost:8086');
      option('tags', 'none');
    },
  },
  stdout: {
    sink: 'file',
    flags: [],
    remark: 'lines are JSON',
    apply: (option) => option('path', '-'),
  },
};

/** Converts the storage drivers of the command line to sinks. */
export function applyDrivers(draft: Draft, given: Given, names: readonly string[]): void {
  const chosen = listOf(given('storage_driver'));
  const read = new Set<string>();
  for (const name of new Set(chosen)) {
    const driver = Object.hasOwn(DRIVERS, name) ? DRIVERS[name] : undefined;
    const flag = `--storage_driver=${name}`;
    if (driver === undefined) {
      draft.without.push({ flag, text: NO_SINK });
      continue;
    }
    for (const each of driver.flags) read.add(each);
    applyDriver(draft, driver, given);
    draft.remarks.push({ flag, text: driver.remark });
  }
  for (const name of names.filter((each) => !read.has(each))) {
    const shown = /password/.test(name) ? '…' : given(name);
    draft.without.push({ flag: `--${name}=${shown}`, text: reasonFor(name, chosen) });
  }
}

function applyDriver(draft: Draft, driver: Driver, given: Given): void {
  draft.enable(driver.sink, true);
  const option = (path: string, value: unknown) => draft.option(driver.sink, path, value);
  driver.apply(option, given);
  if (driver.remark.startsWith(KEPT)) option('layout', 'cadvisor');
  if (!driver.flags.includes('storage_driver_buffer_duration')) return;
  const buffer = given('storage_driver_buffer_duration') ?? '60s';
  const ms = parseDuration(buffer);
  const flag = `--storage_driver_buffer_duration=${buffer}`;
  if (ms === undefined) draft.without.push({ flag, text: 'not a duration' });
  else option('interval', ms < 100 ? '100ms' : buffer);
}

function reasonFor(name: string, chosen: readonly string[]): string {
  if (name.startsWith('bq_')) return NO_SINK;
  if (name === 'storage_driver_es_type') return 'Elasticsearch has had no types since version 7';
  if (name === 'storage_driver_es_enable_sniffer') return 'one address is used; let it be that of a load balancer';
  const which = chosen.length === 0 ? 'none is chosen (--storage_driver)' : `not by ${chosen.join(', ')}`;
  return `read by a storage driver, ${which}`;
}

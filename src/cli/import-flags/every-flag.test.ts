// Every flag of cAdvisor v0.60.5 and of the versions back to v0.36: carried over, or named.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { builtinPlugins } from '../../plugins/builtins.js';
import { importFlags } from './index.js';

/** The 89 of v0.60.5, each with a value that is not its default. */
const NEWEST =
  `add_dir_header=true allow_dynamic_housekeeping=false alsologtostderr=true application_metrics_count_limit=7
boot_id_file=/b bq_account=a bq_credentials_file=/c bq_id=i bq_project_id=p bq_secret=s collector_cert=/c collector_key=/k
container_hints=/h.json containerd=/c.sock containerd-namespace=n containerd_env_metadata_whitelist=A crio_client_timeout=1s
disable_metrics=tcp disable_root_cgroup_stats=true docker=unix:///d.sock docker-tls=true docker-tls-ca=/a docker-tls-cert=/c
docker-tls-key=/k docker_env_metadata_whitelist=A docker_only=true docker_root=/d enable_load_reader=true enable_metrics=cpu
env_metadata_whitelist=A event_storage_age_limit=default=1h event_storage_event_limit=default=5 global_housekeeping_interval=2m
housekeeping_interval=2s http_auth_file=/h http_auth_realm=r http_digest_file=/d http_digest_realm=r initial_splay_factor=2
jitter_factor=0.5 listen_ip=10.0.0.1 log_backtrace_at=a.go:1 log_cadvisor_usage=true log_dir=/l log_file=/l log_file_max_size=1
logtostderr=false machine_id_file=/m max_housekeeping_interval=2m max_procs=2 one_output=true perf_events_config=/p
podman=unix:///p.sock port=9 profiling=true prometheus_endpoint=/p raw_cgroup_prefix_whitelist=/r referenced_reset_interval=1
resctrl_interval=1s skip_headers=true skip_log_headers=true stderrthreshold=1 storage_driver=influxdb
storage_driver_buffer_duration=1s storage_driver_db=d storage_driver_es_enable_sniffer=true storage_driver_es_host=h
storage_driver_es_index=i storage_driver_es_type=t storage_driver_host=h storage_driver_influxdb_retention_policy=p
storage_driver_kafka_broker_list=b storage_driver_kafka_ssl_ca=/c storage_driver_kafka_ssl_cert=/c storage_driver_kafka_ssl_key=/k
storage_driver_kafka_ssl_verify=false storage_driver_kafka_topic=t storage_driver_password=p storage_driver_secure=true
storage_driver_table=t storage_driver_user=u storage_duration=1m store_container_labels=false update_machine_info_interval=1m
url_base_prefix=/u v=4 version=true vmodule=a=1 whitelisted_container_labels=l`.split(/\s+/);
/** Of versions from v0.36 on that later ones do not have. */
const FORMER = ['mesos_agent=h:5051', 'mesos_agent_timeout=1s', 'containerd-env-metadata-whitelist=A'];

const baseline = JSON.stringify(importFlags(['cadvisor']).config);

/** How a flag is accounted for. */
function account(flag: string): 'carried over' | 'named' | 'nothing' {
  const { config, without, remarks, notNeeded } = importFlags(['cadvisor', `--${flag}`]);
  const name = `--${flag.split('=')[0]}=`;
  const isNamed =
    [...without, ...remarks].some((remark) => remark.flag.startsWith(name)) ||
    notNeeded.some((each) => each.startsWith(name));
  if (isNamed) return 'named';
  return JSON.stringify(config) === baseline ? 'nothing' : 'carried over';
}

describe('every flag of the newest cAdvisor', () => {
  it('is converted or reported, all 89 of them', () => {
    assert.equal(NEWEST.length, 89);
    for (const flag of [...NEWEST, ...FORMER]) assert.notEqual(account(flag), 'nothing', flag);
  });

  it('is known', () => {
    for (const flag of [...NEWEST, ...FORMER]) {
      const { without } = importFlags(['cadvisor', `--${flag}`]);
      assert.doesNotMatch(without.map(({ text }) => text).join(), /has no such flag/, flag);
    }
  });

  it('is reported as not needed when its value is the default', () => {
    const { notNeeded, without } = importFlags([
      'cadvisor --port=8080 --docker_only=false --logtostderr -v=2 --max_procs=0 --url_base_prefix=/a',
    ]);
    assert.deepEqual(notNeeded, ['--port=8080', '--docker_only=false', '--logtostderr=true', '--v=2', '--max_procs=0']);
    assert.deepEqual(without, []);
  });

  it('does not consume the next word when it is boolean', () => {
    const { config } = importFlags(['cadvisor -storage_driver_secure true-is-not-its-value -port 9']);
    assert.deepEqual((config as { web: { listen: string[] } }).web.listen, [':9']);
    const { without } = importFlags(['cadvisor -storage_driver_secure x']);
    assert.deepEqual(
      without.map(({ flag }) => flag),
      ['--storage_driver_secure=true', 'x'],
    );
  });

  it('with a path below the mounted host root is converted to the path on the host', () => {
    const { config, remarks } = importFlags([
      'cadvisor --machine_id_file=/rootfs/etc/machine-id,/rootfs/var/lib/dbus/machine-id --docker=unix:///rootfs/run/docker.sock',
    ]);
    const { machine, plugins } = config as { machine: unknown; plugins: { with: { endpoint: string } }[] };
    assert.deepEqual(machine, { machineIdFiles: ['/etc/machine-id', '/var/lib/dbus/machine-id'] });
    assert.equal(plugins[0]!.with.endpoint, 'unix:///run/docker.sock');
    assert.equal(remarks.filter(({ text }) => text.includes('/rootfs')).length, 2);
  });

  it('that enables a metric set without an equivalent is reported, also when the set is enabled by default', () => {
    const reasons = (line: string) => importFlags([line]).without.map(({ text }) => text);
    const lacking = ['referenced_memory', 'resctrl'].filter((name) => !Object.hasOwn(builtinPlugins, name));
    const expected = lacking.map((name) => `nothing gives the numbers of ${name}`);
    assert.deepEqual(reasons('cadvisor --disable_metrics=tcp'), expected);
    assert.deepEqual(reasons('cadvisor --disable_metrics=referenced_memory,resctrl'), []);
    assert.deepEqual(reasons('cadvisor --enable_metrics=cpu,perf_event'), ['nothing gives the numbers of perf_event']);
    assert.deepEqual(reasons('cadvisor'), []);
  });
});

import { parseDuration } from '../../kernel/contracts/index.js';
import type { Draft } from './draft.js';
import { truth } from './words.js';

/** How a flag of cAdvisor is converted. Without `apply` it is converted together with others, or ignored. */
export interface FlagRule {
  readonly isSwitch?: true;
  /** @returns why the value has no equivalent; undefined when it has one */
  apply?(draft: Draft, value: string): string | undefined;
}

/** @param isSaid whether the value says anything */
const none = (reason: string, isSaid = (value: string) => value !== ''): FlagRule => ({
  apply: (_draft, value) => (isSaid(value) ? reason : undefined),
});
const noSwitch = (reason: string): FlagRule => ({
  isSwitch: true,
  ...none(reason, (value) => truth(value) === true),
});
const together: FlagRule = {};
const togetherSwitch: FlagRule = { isSwitch: true };

/** Without a reason for the value, whatever it is. */
const applied = (apply: (draft: Draft, value: string) => void): FlagRule => ({
  apply(draft, value) {
    apply(draft, value);
    return undefined;
  },
});

/** A switch that says something when it differs from the default. */
const whenSwitched = (isOn: boolean, apply: (draft: Draft) => void): FlagRule => ({
  isSwitch: true,
  ...applied((draft, value) => {
    if (truth(value) === isOn) apply(draft);
  }),
});

/** A value that is taken over when it is valid. @param remark what has no equivalent even then */
const taken =
  (isValid: (value: string) => boolean, complaint: string) =>
  (take: (draft: Draft, value: string) => void, remark?: string): FlagRule => ({
    apply(draft, value) {
      if (!isValid(value)) return complaint;
      take(draft, value);
      return remark;
    },
  });
const count = taken((value) => /^\d{1,9}$/.test(value), 'not a count');
const time = taken((value) => parseDuration(value) !== undefined, 'not a duration');

/** A duration in Go's syntax of at least `minimum` ms. */
const duration = (path: string, minimum: number): FlagRule => ({
  apply(draft, value) {
    const ms = parseDuration(value);
    if (ms === undefined) return 'not a duration';
    if (ms >= minimum) draft.set(path, value);
    else draft.set(path, `${minimum}ms`);
    return ms >= minimum ? undefined : `raised to ${minimum} ms, the least there is`;
  },
});

/** Absolute paths, separated by commas. */
const paths = (path: string): FlagRule => ({
  apply(draft, value) {
    const list = value.split(',').filter((file) => file !== '');
    const absolute = list.filter((file) => file.startsWith('/'));
    if (absolute.length > 0) draft.set(path, absolute);
    return absolute.length === list.length ? undefined : 'only absolute paths are taken';
  },
});

const MESOS = 'Mesos has no handler; its containers appear as cgroups';
const LOGGING =
  'lines go to standard error as JSON, or as journald and terminals like them: see log.level and log.format';
const EVENT_TYPES: Readonly<Record<string, readonly string[]>> = {
  default: ['containerCreation', 'containerDeletion', 'oom', 'oomKill'],
  creation: ['containerCreation'],
  containerCreation: ['containerCreation'],
  deletion: ['containerDeletion'],
  containerDeletion: ['containerDeletion'],
  oom: ['oom'],
  oomKill: ['oomKill'],
};

/** `default=24h,oom=10m`; named types take precedence over `default`, in any order. */
function retention(member: 'age' | 'count', read: (value: string) => unknown): FlagRule {
  return {
    apply(draft, value) {
      const wrong: string[] = [];
      const parts = value
        .split(',')
        .filter((part) => part !== '')
        .map((part) => part.split('=') as [string, string?]);
      parts.sort(([a], [b]) => Number(b === 'default') - Number(a === 'default'));
      for (const [type, amount = ''] of parts) {
        const types = Object.hasOwn(EVENT_TYPES, type) ? EVENT_TYPES[type] : undefined;
        const limit = read(amount);
        if (types === undefined || limit === undefined) wrong.push(`${type}=${amount}`);
        else for (const each of types) draft.set(`events.${each}.${member}`, limit);
      }
      return wrong.length === 0 ? undefined : `not understood: ${wrong.join(', ')}`;
    },
  };
}

const ageOf = (value: string) => (parseDuration(value) === undefined ? undefined : value);
const countOf = (value: string) => (/^-?\d{1,9}$/.test(value) ? Math.max(-1, Number(value)) : undefined);

/** Every flag of cAdvisor v0.36 and of the newest version, and those of its log library. */
export const FLAGS: Readonly<Record<string, FlagRule>> = {
  listen_ip: together,
  port: together,
  max_procs: none('one thread does the work; CPUQuota= of the unit limits it', (value) => Number(value) >= 1),
  version: noSwitch('tallyman --version'),
  http_auth_file: together,
  http_auth_realm: together,
  http_digest_file: together,
  http_digest_realm: together,
  prometheus_endpoint: applied((draft, value) => {
    if (value === '') draft.enable('prometheus', false);
    else if (value !== '/metrics') draft.option('prometheus', 'path', value.startsWith('/') ? value : `/${value}`);
  }),
  profiling: whenSwitched(true, (draft) => draft.enable('profiling', true)),
  collector_cert: together,
  collector_key: together,
  store_container_labels: togetherSwitch,
  whitelisted_container_labels: together,
  url_base_prefix: applied((draft, value) => {
    const prefix = value.replace(/^\/*(?=[^/])/, '/').replace(/\/+$/, '');
    if (prefix !== '') draft.set('web.urlBasePrefix', prefix);
  }),
  raw_cgroup_prefix_whitelist: together,
  disable_metrics: together,
  enable_metrics: together,
  storage_driver: together,
  storage_duration: duration('history.duration', 1000),
  housekeeping_interval: duration('housekeeping.interval', 100),
  max_housekeeping_interval: duration('housekeeping.maxInterval', 100),
  allow_dynamic_housekeeping: whenSwitched(false, (draft) => draft.set('housekeeping.dynamic', false)),
  global_housekeeping_interval: duration('discovery.rescanInterval', 1000),
  update_machine_info_interval: duration('machine.refreshInterval', 1000),
  enable_load_reader: togetherSwitch,
  log_cadvisor_usage: noSwitch('its own costs are in /metrics, as tallyman_* and process_*'),
  event_storage_age_limit: retention('age', ageOf),
  event_storage_event_limit: retention('count', countOf),
  application_metrics_count_limit: count((draft, value) => draft.set('appMetrics.maxMetrics', Number(value))),
  machine_id_file: paths('machine.machineIdFiles'),
  boot_id_file: paths('machine.bootIdFiles'),
  container_hints: none('hints are not read; a plugin of the kind container-handler can describe cgroups'),
  docker_only: togetherSwitch,
  disable_root_cgroup_stats: noSwitch(
    'the machine is always sampled; `containersExclude: [/]` of the plugin prometheus leaves it out there',
  ),
  docker: together,
  'docker-tls': togetherSwitch,
  'docker-tls-cert': together,
  'docker-tls-key': together,
  'docker-tls-ca': together,
  docker_env_metadata_whitelist: together,
  env_metadata_whitelist: together,
  docker_root: none('the engine says where its data is'),
  containerd: {
    apply(draft, value) {
      const socket = value.replace(/^unix:\/\//, '');
      if (socket === '' || socket === '/run/containerd/containerd.sock') return undefined;
      if (!socket.startsWith('/')) return 'not an absolute path';
      // Kubernetes has its containers in the same containerd.
      for (const plugin of ['containerd', 'cri']) draft.option(plugin, 'endpoint', `unix://${socket}`);
      return undefined;
    },
  },
  'containerd-namespace': applied((draft, value) => {
    if (value !== '' && value !== 'k8s.io') draft.option('containerd', 'namespaces', [value]);
  }),
  'containerd-env-metadata-whitelist': together,
  containerd_env_metadata_whitelist: together,
  mesos_agent: none(MESOS),
  mesos_agent_timeout: none(MESOS),
  podman: applied((draft, value) => {
    if (value !== '') draft.option('podman', 'endpoint', value);
  }),
  perf_events_config: none('nothing reads perf events'),
  resctrl_interval: time(
    (draft, value) => draft.option('resctrl', 'updateInterval', value),
    'it counts while the plugin resctrl is on',
  ),
  referenced_reset_interval: count(
    (draft, value) => draft.option('referenced_memory', 'resetAfter', Number(value)),
    'it counts while the plugin referenced_memory is on, which measures once a minute and not at each sample',
  ),
  crio_client_timeout: time((draft, value) => draft.option('cri', 'timeout', value)),
  initial_splay_factor: none('the first sample is taken at once; later ones are spread over the interval'),
  jitter_factor: {
    apply(draft, value) {
      const factor = Number(value);
      if (value === '' || Number.isNaN(factor)) return 'not a number';
      draft.set('housekeeping.jitter', Math.min(1, Math.max(0, factor)));
      return factor > 1 ? 'lowered to 1: a sample may come one interval later at most' : undefined;
    },
  },
  v: applied((draft, value) => {
    if (Number(value) >= 3) draft.set('log.level', 'debug');
  }),
  logtostderr: { isSwitch: true, ...none(LOGGING, (value) => truth(value) === false) },
  alsologtostderr: togetherSwitch,
  stderrthreshold: none(LOGGING),
  vmodule: none(LOGGING),
  log_dir: none(LOGGING),
  log_file: none(LOGGING),
  log_file_max_size: none(LOGGING),
  log_backtrace_at: none(LOGGING),
  skip_headers: noSwitch(LOGGING),
  skip_log_headers: noSwitch(LOGGING),
  add_dir_header: noSwitch(LOGGING),
  one_output: noSwitch(LOGGING),
};

const DRIVER_SWITCHES = new Set([
  'storage_driver_secure',
  'storage_driver_es_enable_sniffer',
  'storage_driver_kafka_ssl_verify',
]);

/** Whether the flag is boolean and takes no value after a space. */
export const isSwitch = (name: string): boolean => FLAGS[name]?.isSwitch === true || DRIVER_SWITCHES.has(name);

/** Flags of storage drivers, which are converted together with the selected drivers. */
export const isDriverFlag = (name: string): boolean => /^(storage_driver_|bq_)/.test(name);

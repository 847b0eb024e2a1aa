import { type AgentConfig, isLoopbackHost } from '../../kernel/config/index.js';
import { parseDuration } from '../../kernel/contracts/index.js';
import type { Draft } from './draft.js';
import { applyMetricSets } from './metric-sets.js';
import { type PublishedPort, publishedPort } from './sources.js';
import { type Given, listOf, truth } from './words.js';

/**
 * Converts flags that depend on each other.
 * @param published ports that the host publishes for cAdvisor's container
 */
export function applyTogether(draft: Draft, given: Given, published: readonly string[]): void {
  applyMetricSets(draft, given('disable_metrics'), given('enable_metrics'));
  if (truth(given('enable_load_reader')) === true) draft.enable('cpuLoad', true);
  applyWeb(draft, given, published);
  applyLabels(draft, given);
  applyRaw(draft, given);
  applyDocker(draft, given);
  applyCollectors(draft, given);
  adjustIntervals(draft);
}

const DEFAULT_REALM = 'localhost';

function applyWeb(draft: Draft, given: Given, published: readonly string[]): void {
  const basic = given('http_auth_file');
  const digest = given('http_digest_file');
  const covers = 'everything but /healthz and /-/ready asks for it, the API and the metrics too';
  if (basic) {
    draft.set('web.auth.basic', { file: basic, realm: given('http_auth_realm') ?? DEFAULT_REALM });
    draft.remarks.push({ flag: `--http_auth_file=${basic}`, text: covers });
    if (digest) draft.without.push({ flag: `--http_digest_file=${digest}`, text: 'Basic wins when both are given' });
  } else if (digest) {
    draft.set('web.auth.digest', { file: digest, realm: given('http_digest_realm') ?? DEFAULT_REALM });
    draft.remarks.push({ flag: `--http_digest_file=${digest}`, text: covers });
  }
  applyListen(draft, given, published, Boolean(basic || digest));
}

function applyListen(draft: Draft, given: Given, published: readonly string[], asksWho: boolean): void {
  const ip = given('listen_ip') ?? '';
  const port = given('port') ?? '8080';
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    draft.without.push({ flag: `--port=${port}`, text: 'not a port' });
    return;
  }
  const host = ip.includes(':') ? `[${ip.replace(/^\[|\]$/g, '')}]` : ip;
  if (!/^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9][\w.-]*)?$/.test(host)) {
    draft.without.push({ flag: `--listen_ip=${ip}`, text: 'not an address' });
    return;
  }
  const outside = publishedAs(draft, port, published);
  draft.set('web.listen', [outside === undefined ? `${host}:${port}` : `${outside.host}:${outside.port}`]);
  if (asksWho || isLoopbackHost((outside?.host ?? ip).replace(/^\[|\]$/g, ''))) return;
  draft.set('web.allowUnauthenticated', true);
  const text = 'other hosts may read everything, as with cAdvisor; set web.auth, or listen on 127.0.0.1, to end that';
  draft.remarks.push({ flag: `--listen_ip=${ip}`, text });
}

/** The published address of cAdvisor's container, on which Tallyman listens itself. */
function publishedAs(draft: Draft, port: string, published: readonly string[]): PublishedPort | undefined {
  for (const text of published) {
    const found = publishedPort(text);
    if (found === undefined) {
      const reason = 'not one port of the host: write out where the container’s port is published';
      draft.without.push({ flag: `-p ${text}`, text: reason });
    } else if (found.container === port && found.port !== port) {
      const advice = `publishes ${port} as ${found.port}, where Tallyman listens itself; in a container, publish that port as it is`;
      draft.remarks.push({ flag: `-p ${text}`, text: advice });
    }
    if (found?.container === port) return found;
  }
  return undefined;
}

function applyLabels(draft: Draft, given: Given): void {
  const listed = listOf(given('whitelisted_container_labels'));
  if (truth(given('store_container_labels')) === false) draft.option('prometheus', 'labelAllow', listed);
  else if (listed.length > 0) {
    const text = 'counts only with --store_container_labels=false, as with cAdvisor';
    draft.remarks.push({ flag: `--whitelisted_container_labels=${listed.join(',')}`, text });
  }
}

function applyRaw(draft: Draft, given: Given): void {
  const prefixes = listOf(given('raw_cgroup_prefix_whitelist'));
  const onlyDocker = truth(given('docker_only')) === true;
  if (prefixes.length === 0 && !onlyDocker) return;
  // cAdvisor compares text: /graw also matches /grawsibling.
  const globs = prefixes.flatMap((prefix) => {
    const escaped = prefix.replaceAll(/[*?[\]{}()!@+|\\]/g, '\\$&');
    return prefix.endsWith('/') ? [`${escaped}**`] : [`${escaped}*`, `${escaped}*/**`];
  });
  draft.option('raw', 'include', ['/', ...globs]);
}

function applyDocker(draft: Draft, given: Given): void {
  const endpoint = given('docker');
  const isTls = truth(given('docker-tls')) === true;
  if (endpoint) draft.option('docker', 'endpoint', isTls ? endpoint.replace(/^tcp:/, 'https:') : endpoint);
  if (isTls) {
    const files = { cert: 'cert.pem', key: 'key.pem', ca: 'ca.pem' };
    for (const [name, standard] of Object.entries(files)) {
      draft.option('docker', `tls.${name}`, given(`docker-tls-${name}`) ?? standard);
    }
  }
  const exact = listOf(given('docker_env_metadata_whitelist'));
  const prefixes = listOf(given('env_metadata_whitelist'));
  const envAllow = [...exact, ...prefixes.map((prefix) => `${prefix.replace(/\*$/, '')}*`)];
  if (envAllow.length > 0) draft.option('docker', 'envAllow', envAllow);
  if (prefixes.length > 0) draft.option('podman', 'envAllow', envAllow.slice(exact.length));
  const ofContainerd = ['containerd_env_metadata_whitelist', 'containerd-env-metadata-whitelist']
    .flatMap((flag) => listOf(given(flag)))
    .map((prefix) => `${prefix.replace(/\*$/, '')}*`);
  const allowed = [...ofContainerd, ...envAllow.slice(exact.length)];
  if (allowed.length > 0) for (const plugin of ['containerd', 'cri']) draft.option(plugin, 'envAllow', allowed);
}

function applyCollectors(draft: Draft, given: Given): void {
  for (const name of ['cert', 'key']) {
    const file = given(`collector_${name}`);
    if (!file) continue;
    for (const plugin of ['app-prometheus', 'app-regex']) draft.option(plugin, `tls.${name}`, file);
  }
}

/** The maximum interval must not be shorter than the interval. */
function adjustIntervals(draft: Draft): void {
  type Texts = Partial<Record<keyof AgentConfig['housekeeping'], string>>;
  const { interval = '1s', maxInterval = '60s' } = (draft.get('housekeeping') ?? {}) as Texts;
  if ((parseDuration(interval) ?? 0) <= (parseDuration(maxInterval) ?? 0)) return;
  draft.set('housekeeping.maxInterval', interval);
  draft.remarks.push({ flag: `--housekeeping_interval=${interval}`, text: 'the longest interval is raised to it' });
}

import type { Plugin } from '../kernel/contracts/index.js';

type Module = Promise<{ readonly default: unknown }>;

/** The kernel checks what a module exports, so that built-ins pass the same gate as a stranger's plugin. */
const importing = (load: () => Module) => async (): Promise<Plugin> => (await load()).default as Plugin;

/** Built-in plugins by name. Each is imported when the configuration uses it. */
export const builtinPlugins: Readonly<Record<string, () => Promise<Plugin>>> = {
  cpu: importing(() => import('./metric-sources/cpu/index.js')),
  percpu: importing(() => import('./metric-sources/percpu/index.js')),
  sched: importing(() => import('./metric-sources/sched/index.js')),
  cpuLoad: importing(() => import('./metric-sources/cpu-load/index.js')),
  memory: importing(() => import('./metric-sources/memory/index.js')),
  memory_numa: importing(() => import('./metric-sources/memory-numa/index.js')),
  diskIO: importing(() => import('./metric-sources/disk-io/index.js')),
  disk: importing(() => import('./metric-sources/disk/index.js')),
  network: importing(() => import('./metric-sources/network/index.js')),
  tcp: importing(() => import('./metric-sources/tcp/index.js')),
  udp: importing(() => import('./metric-sources/udp/index.js')),
  advtcp: importing(() => import('./metric-sources/advtcp/index.js')),
  process: importing(() => import('./metric-sources/process/index.js')),
  hugetlb: importing(() => import('./metric-sources/hugetlb/index.js')),
  cpuset: importing(() => import('./metric-sources/cpuset/index.js')),
  pressure: importing(() => import('./metric-sources/pressure/index.js')),
  referenced_memory: importing(() => import('./metric-sources/referenced-memory/index.js')),
  resctrl: importing(() => import('./metric-sources/resctrl/index.js')),
  oom_event: importing(() => import('./metric-sources/oom-event/index.js')),
  'app-prometheus': importing(() => import('./app-metrics/prometheus/index.js')),
  'app-regex': importing(() => import('./app-metrics/regex/index.js')),
  raw: importing(() => import('./container-handlers/raw/index.js')),
  containerd: importing(() => import('./container-handlers/containerd/index.js')),
  docker: importing(() => import('./container-handlers/docker/index.js')),
  podman: importing(() => import('./container-handlers/podman/index.js')),
  'api-v1.0': importing(() => import('../api-versions/v1.0/index.js')),
  'api-v1.1': importing(() => import('../api-versions/v1.1/index.js')),
  'api-v1.2': importing(() => import('../api-versions/v1.2/index.js')),
  'api-v1.3': importing(() => import('../api-versions/v1.3/index.js')),
  'api-v2.0': importing(() => import('../api-versions/v2.0/index.js')),
  'api-v2.1': importing(() => import('../api-versions/v2.1/index.js')),
  plugins: importing(() => import('./endpoints/plugins/index.js')),
  engines: importing(() => import('./endpoints/engines/index.js')),
  capsules: importing(() => import('./endpoints/capsules/index.js')),
  why: importing(() => import('./endpoints/why/index.js')),
  top: importing(() => import('./endpoints/top/index.js')),
  openapi: importing(() => import('./endpoints/openapi/index.js')),
  validate: importing(() => import('./endpoints/validate/index.js')),
  'web-ui': importing(() => import('./endpoints/web-ui/index.js')),
  profiling: importing(() => import('./endpoints/profiling/index.js')),
  prometheus: importing(() => import('./endpoints/prometheus/index.js')),
  'remote-write': importing(() => import('./sinks/remote-write/index.js')),
  otlp: importing(() => import('./sinks/otlp/index.js')),
};

/** Where another process finds them. */
export const builtinsModule = import.meta.url;

/** What runs unless the config file says otherwise, in starting order: handlers are asked in this order, raw after all. */
export const defaultPlugins: readonly { readonly use: string }[] = [
  { use: 'cpu' },
  { use: 'percpu' },
  { use: 'memory' },
  { use: 'diskIO' },
  { use: 'disk' },
  { use: 'network' },
  { use: 'pressure' },
  { use: 'oom_event' },
  { use: 'app-prometheus' },
  { use: 'app-regex' },
  { use: 'containerd' },
  { use: 'docker' },
  { use: 'podman' },
  { use: 'raw' },
  { use: 'api-v1.0' },
  { use: 'api-v1.1' },
  { use: 'api-v1.2' },
  { use: 'api-v1.3' },
  { use: 'api-v2.0' },
  { use: 'api-v2.1' },
  { use: 'plugins' },
  { use: 'engines' },
  { use: 'capsules' },
  { use: 'why' },
  { use: 'top' },
  { use: 'openapi' },
  { use: 'validate' },
  { use: 'web-ui' },
  { use: 'prometheus' },
];

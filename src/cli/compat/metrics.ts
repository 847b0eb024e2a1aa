import { parseExposition } from '../../plugins/app-metrics/prometheus/exposition.js';

export interface Scrape {
  /** Family → type. */
  readonly types: ReadonlyMap<string, string>;
  /** Series without labels and variables of containers, which depend on the agents' options. */
  readonly series: ReadonlyMap<string, number>;
  /** Family → its series. */
  readonly families: ReadonlyMap<string, readonly string[]>;
  readonly seconds: number;
}

/** How the metrics of the new agent fall short of the old agent's. */
export interface MetricsDifference {
  readonly family: string;
  readonly what: 'family missing' | 'type' | 'series missing';
  readonly old: string;
  readonly new: string;
}

const MAX_SERIES = 2_000_000;
/** Labels that depend on the agent's options. */
const OWN_LABEL = /^container_(label|env)_/;
const OWN_FAMILY = /^(go|process|promhttp|cadvisor|tallyman|scrape)_/;

/** @param text in the Prometheus text format */
export function readScrape(text: string, seconds: number): Scrape {
  const { families, samples } = parseExposition(text, { openMetrics: false, maxSamples: MAX_SERIES });
  const types = new Map(families.map(({ name, type }) => [name, type]));
  const series = new Map<string, number>();
  const byFamily = new Map<string, string[]>();
  for (const { name, labels = {}, value } of samples) {
    const shown = Object.entries(labels).filter(([label, text]) => text !== '' && !OWN_LABEL.test(label));
    const key = `${name}{${shown
      .map(([label, text]) => `${label}=${JSON.stringify(text)}`)
      .sort()
      .join(',')}}`;
    series.set(key, Number(value));
    const family = types.has(name) ? name : name.replace(/_(bucket|sum|count|total)$/, '');
    const known = byFamily.get(family);
    if (known === undefined) byFamily.set(family, [key]);
    else known.push(key);
  }
  return { types, series, families: byFamily, seconds };
}

/**
 * Families, types and series of containers that the old agent has and the new one lacks.
 * @param isKnown whether both agents have the container of that name
 */
export function compareScrapes(old: Scrape, current: Scrape, isKnown: (id: string) => boolean): MetricsDifference[] {
  const differences: MetricsDifference[] = [];
  for (const [family, keys] of old.families) {
    if (OWN_FAMILY.test(family)) continue;
    const type = old.types.get(family) ?? 'untyped';
    const currentKeys = current.families.get(family);
    if (currentKeys === undefined) {
      // Not every agent shows a resource that no container uses.
      if (keys.every((key) => old.series.get(key) === 0)) continue;
      differences.push({ family, what: 'family missing', old: `${keys.length} series`, new: '' });
      continue;
    }
    const currentType = current.types.get(family) ?? 'untyped';
    if (type !== currentType) differences.push({ family, what: 'type', old: type, new: currentType });
    const missing = keys.filter(
      (key) => !current.series.has(key) && old.series.get(key) !== 0 && isAboutKnown(key, isKnown),
    );
    if (missing.length === 0) continue;
    differences.push({ family, what: 'series missing', old: `${missing.length}, such as ${missing[0]!}`, new: '' });
  }
  return differences;
}

function isAboutKnown(key: string, isKnown: (id: string) => boolean): boolean {
  const id = /[{,]id=("(?:[^"\\]|\\.)*")/.exec(key)?.[1];
  return id === undefined || isKnown(JSON.parse(id) as string);
}

/** Metrics of widespread dashboards and rules for cAdvisor. */
const DASHBOARD_METRICS = [
  'container_cpu_cfs_periods_total',
  'container_cpu_cfs_throttled_periods_total',
  'container_cpu_cfs_throttled_seconds_total',
  'container_cpu_load_average_10s',
  'container_cpu_system_seconds_total',
  'container_cpu_usage_seconds_total',
  'container_cpu_user_seconds_total',
  'container_fs_inodes_free',
  'container_fs_inodes_total',
  'container_fs_io_current',
  'container_fs_io_time_seconds_total',
  'container_fs_limit_bytes',
  'container_fs_reads_bytes_total',
  'container_fs_reads_total',
  'container_fs_usage_bytes',
  'container_fs_writes_bytes_total',
  'container_fs_writes_total',
  'container_last_seen',
  'container_memory_cache',
  'container_memory_failcnt',
  'container_memory_failures_total',
  'container_memory_mapped_file',
  'container_memory_max_usage_bytes',
  'container_memory_rss',
  'container_memory_swap',
  'container_memory_usage_bytes',
  'container_memory_working_set_bytes',
  'container_network_receive_bytes_total',
  'container_network_receive_errors_total',
  'container_network_receive_packets_dropped_total',
  'container_network_receive_packets_total',
  'container_network_transmit_bytes_total',
  'container_network_transmit_errors_total',
  'container_network_transmit_packets_dropped_total',
  'container_network_transmit_packets_total',
  'container_processes',
  'container_sockets',
  'container_spec_cpu_period',
  'container_spec_cpu_quota',
  'container_spec_cpu_shares',
  'container_spec_memory_limit_bytes',
  'container_spec_memory_reservation_limit_bytes',
  'container_spec_memory_swap_limit_bytes',
  'container_start_time_seconds',
  'container_tasks_state',
  'container_threads',
  'machine_cpu_cores',
  'machine_memory_bytes',
];

/** Those of them that the old agent has and the new one lacks. */
export function missingForDashboards(old: Scrape, current: Scrape): string[] {
  return DASHBOARD_METRICS.filter((family) => old.families.has(family) && !current.families.has(family));
}

/** What a process reports about its own cost. */
export interface Cost {
  /** Seconds of CPU per second, since the first scrape. */
  readonly cpu?: number;
  /** bytes */
  readonly memory?: number;
  /** Median of the scrapes. */
  readonly scrapeSeconds: number;
}

/** @param elapsed seconds between the first and the last scrape */
export function costOf(scrapes: readonly Scrape[], elapsed: number): Cost {
  const [first, last] = [scrapes[0]!, scrapes.at(-1)!];
  const value = (scrape: Scrape, name: string) => scrape.series.get(`${name}{}`);
  const [from, to] = [value(first, 'process_cpu_seconds_total'), value(last, 'process_cpu_seconds_total')];
  const memory = value(last, 'process_resident_memory_bytes');
  const times = scrapes.map(({ seconds }) => seconds).sort((a, b) => a - b);
  return {
    ...(from !== undefined && to !== undefined && elapsed > 0 && { cpu: (to - from) / elapsed }),
    ...(memory !== undefined && { memory }),
    scrapeSeconds: times[times.length >> 1]!,
  };
}

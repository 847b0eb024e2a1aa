import { TargetHistory } from '../../../src/kernel/app-metrics/target-history.js';
import type { AppMetricSample, AppMetricSpec, ContainerAppMetrics } from '../../../src/kernel/contracts/index.js';
import { type JsonObject, microseconds } from './recorded-samples.js';

const UNLIMITED = {
  metrics: Number.POSITIVE_INFINITY,
  series: Number.POSITIVE_INFINITY,
  bytes: Number.POSITIVE_INFINITY,
};

/** One collection of the recording. */
interface Collection {
  /** µs since the epoch */
  readonly time: number;
  readonly samples: readonly AppMetricSample[];
}

/** The application metrics of a recorded container, kept by the real store. */
function stored(specs: readonly AppMetricSpec[], collections: readonly Collection[]): ContainerAppMetrics {
  const history = new TargetHistory(Number.POSITIVE_INFINITY);
  for (const { time, samples } of collections) history.add({ specs, samples }, time, UNLIMITED);
  return {
    specs,
    at: (time) => [history.at(time)].filter((snapshot) => snapshot !== undefined),
    history: () => [history.all()],
    targets: [],
  };
}

/** From a spec, and samples that have `custom_metrics`; undefined when there is nothing of the kind. */
export function appMetricsFromSamples(
  spec: JsonObject,
  samples: readonly JsonObject[],
): ContainerAppMetrics | undefined {
  const specs = (spec.custom_metrics as unknown as AppMetricSpec[] | undefined) ?? [];
  if (specs.length === 0) return undefined;
  const collections = samples.map(({ timestamp, custom_metrics: metrics }) => ({
    time: microseconds(timestamp as string),
    samples: Object.entries((metrics ?? {}) as Record<string, JsonObject[]>).flatMap(([name, values]) =>
      values.map((value) => sampleOf(name, (value.label as string | undefined) ?? '', value)),
    ),
  }));
  return stored(specs, collections);
}

/** From one container's part of an `appmetrics` answer, in which every series has a value of every collection. */
export function appMetricsFromHistory(metrics: JsonObject): ContainerAppMetrics {
  const series = Object.entries(metrics).flatMap(([name, labels]) =>
    Object.entries(labels as JsonObject).map(([label, points]) => ({ name, label, points: points as JsonObject[] })),
  );
  const collections = (series[0]?.points ?? []).map((point, index) => ({
    time: microseconds(point.timestamp as string),
    samples: series.map(({ name, label, points }) => sampleOf(name, label, points[index]!)),
  }));
  return stored([], collections);
}

function sampleOf(name: string, label: string, value: JsonObject): AppMetricSample {
  const pairs = label.split('\ufffd').flatMap((pair): [string, string][] => {
    const at = pair.indexOf('=');
    return at < 0 || pair.startsWith('__name__=') ? [] : [[pair.slice(0, at), pair.slice(at + 1)]];
  });
  return {
    name,
    ...(label !== '' && { labels: Object.fromEntries(pairs) }),
    value: value.int_value === undefined ? Number(value.float_value) : BigInt(value.int_value as number | bigint),
    time: microseconds(value.timestamp as string),
  };
}

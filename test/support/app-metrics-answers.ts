/** One value, as `/api/v2.0/appmetrics` gives it. */
export interface Value {
  label?: string;
  labels?: Record<string, string>;
  timestamp: string;
  int_value?: number;
  float_value?: number;
}
/** Metric → label text → values, oldest first. */
export type Metrics = Record<string, Record<string, Value[]>>;
/** By container. */
export type AppMetrics = Record<string, Metrics>;

/** Values of the newest collection, by metric and label. */
export function newest(metrics: Metrics | undefined): Record<string, Record<string, number | undefined>> {
  const entries = Object.entries(metrics ?? {}).map(([name, series]) => {
    const values = Object.entries(series).map(([label, points]) => {
      const { int_value, float_value } = points.at(-1)!;
      return [label, int_value ?? float_value];
    });
    return [name, Object.fromEntries(values)];
  });
  return Object.fromEntries(entries);
}

import type { AppMetricSpec, AppSeries } from '../app-metrics.js';
import { sanitizeName } from './cadvisor-names.js';
import type { Label } from './catalogue.js';

/** Names that an application must not use: its series could be taken for the agent's, or be the same. */
const RESERVED = /^(container|machine|cadvisor|tallyman)_/;
/** What the series of a histogram or summary have behind its name. */
const PART = /_(bucket|sum|count)$/;

/** The name that a metric of an application has in outputs; undefined: it has none, as the name is the agent's. */
export function appMetricName(name: string): string | undefined {
  // Metric names may have colons, and no digit in front.
  const words = name.split(':').map(sanitizeName).join(':');
  const plain = /^[0-9]|^$/.test(words) ? `_${words}` : words;
  return RESERVED.test(plain) ? undefined : plain;
}

/** The labels of a series of an application, with `app_` in front as the newest cAdvisor has them; sorted, each once. */
export function appLabels({ labels }: AppSeries): readonly Label[] {
  const pairs = new Map<string, string>();
  for (const key of Object.keys(labels).sort()) {
    const label = `app_${sanitizeName(key)}`;
    if (!pairs.has(label)) pairs.set(label, labels[key]!);
  }
  return [...pairs];
}

/** What is known of the metric of a series. A family's series share its help, and have types of their own. */
export function appSpecOf(
  { name }: AppSeries,
  specs: ReadonlyMap<string, AppMetricSpec>,
): Partial<Pick<AppMetricSpec, 'type' | 'help'>> {
  const family = specs.get(name.replace(PART, ''))?.help;
  return specs.get(name) ?? (family === undefined ? {} : { help: family });
}

import {
  type AppContainer,
  type AppMetricSpec,
  type AppMetrics,
  type AppRequest,
  type CollectedMetrics,
  type CollectionAccess,
  CollectionError,
  type ConfiguredTarget,
  configuredTargets,
  requestOf,
} from '../../../kernel/contracts/index.js';
import { type CadvisorTarget, cadvisorTargets, HttpCollector, list, pollingInterval } from '../common/index.js';
import { type Exposition, parseAnswer } from './exposition.js';
import type { Family } from './families.js';
import { type LabelTarget, labelTargets } from './label-targets.js';
import type { PrometheusOptions } from './options.js';

/** Prefers the older format, in which names are the same for every client. */
const ACCEPT = 'text/plain;version=0.0.4, application/openmetrics-text;version=1.0.0;q=0.5, */*;q=0.1';

export type PrometheusTarget = CadvisorTarget | ConfiguredTarget | LabelTarget;

/** What to request from a target, and what to keep of its answer. */
interface Recipe {
  readonly request: AppRequest;
  /** Absent: everything. */
  readonly wanted?: (name: string, family: string) => boolean;
  /** Families that the spec lists although none of their samples is kept. */
  readonly isListed?: (family: string) => boolean;
}

/** Collects metrics in the Prometheus text format and OpenMetrics. */
export class PrometheusCollector extends HttpCollector<Recipe> implements AppMetrics<PrometheusTarget> {
  constructor(private readonly options: PrometheusOptions) {
    super(options.tls);
  }

  targets(container: AppContainer): readonly PrometheusTarget[] {
    const { labels, interval, targets } = this.options;
    const configured = configuredTargets(container, targets, interval);
    if (!labels) return configured;
    return [...configured, ...cadvisorTargets(container, true, interval), ...labelTargets(container, interval)];
  }

  async collect(target: PrometheusTarget, access: CollectionAccess): Promise<CollectedMetrics> {
    const { request, wanted, isListed } = await this.recipeOf(target, () => this.makeRecipe(target, access));
    const headers = { accept: ACCEPT, ...request.headers };
    const answer = await access.fetch({ ...request, headers, tls: this.tls });
    const { exposition, spentMs } = await parseAnswer(answer.body, {
      openMetrics: answer.headers['content-type']?.includes('application/openmetrics-text') === true,
      wanted,
      isListed,
      maxSamples: access.limits.series,
    });
    this.spent(target, spentMs);
    return collected(exposition);
  }

  private async makeRecipe(target: PrometheusTarget, access: CollectionAccess): Promise<Recipe> {
    if (target.kind === 'label') {
      if (target.error !== undefined) throw new CollectionError(target.error);
      return { request: target.request };
    }
    if (target.kind === 'file') return this.read(target, access);
    const entry = this.options.targets[target.index]!;
    const request = requestOf(entry);
    if (entry.metrics.length === 0) return { request };
    return { request, wanted: (...names) => entry.metrics.some((glob) => names.some((name) => glob.test(name))) };
  }

  private read(target: CadvisorTarget, access: CollectionAccess): Promise<Recipe> {
    return this.readTarget(target, access, ({ request, content }) => {
      const names = new Set(list(content.metrics_config));
      // As in cAdvisor, names select samples; the spec lists families.
      const isNamed = (name: string) => names.has(name);
      return {
        recipe: names.size === 0 ? { request } : { request, wanted: isNamed, isListed: isNamed },
        interval: pollingInterval(content.polling_frequency),
      };
    });
  }
}

function collected(exposition: Exposition): CollectedMetrics {
  const { families, samples, surplus, malformed, firstMalformed, truncated } = exposition;
  if (samples.length === 0 && malformed > 0) {
    throw new CollectionError(`the answer is not in the Prometheus text format: ${firstMalformed}`);
  }
  const problems: string[] = [];
  if (malformed > 0) problems.push(`malformed lines were left out: ${malformed}; ${firstMalformed}`);
  if (truncated) problems.push('the answer has no "# EOF" at its end: it is not complete');
  return { specs: families.map(specOf), samples, problems, dropped: surplus };
}

/** Types as the spec names them. */
const TYPES: ReadonlyMap<string, string> = new Map([
  ['counter', 'cumulative'],
  ['gauge', 'gauge'],
  ['histogram', 'HISTOGRAM'],
  ['gaugehistogram', 'GAUGE_HISTOGRAM'],
  ['summary', 'SUMMARY'],
  ['info', 'INFO'],
  ['stateset', 'STATESET'],
]);

function specOf({ name, type, help, unit }: Family): AppMetricSpec {
  const spec = { name, type: TYPES.get(type) ?? 'UNTYPED', format: 'float' as const, units: unit };
  return help === '' ? spec : { ...spec, help };
}

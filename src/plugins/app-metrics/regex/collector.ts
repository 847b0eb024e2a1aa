import {
  type AppContainer,
  type AppMetricSample,
  type AppMetrics,
  type AppRequest,
  type CollectedMetrics,
  type CollectionAccess,
  CollectionError,
  type ConfiguredTarget,
  configuredTargets,
  requestOf,
} from '../../../kernel/contracts/index.js';
import { type CadvisorTarget, cadvisorTargets, HttpCollector, list, pollingInterval, record } from '../common/index.js';
import { metricTitle, parseMetric, type RegexMetric, sampleOf } from './metric.js';
import type { RegexOptions } from './options.js';
import { Searcher } from './searcher.js';

/** Searched characters at the beginning of an answer: status pages are short, and searching is expensive. */
const MAX_SEARCHED_LENGTH = 256 * 1024;

export type RegexTarget = CadvisorTarget | ConfiguredTarget;

interface NamedMetric extends RegexMetric {
  /** Its name in messages. */
  readonly title: string;
  /** Why it is no longer searched for. */
  switchedOff?: string;
}

/** What to request from a target, and what to extract from its answer. */
interface Recipe {
  readonly request: AppRequest;
  readonly metrics: readonly NamedMetric[];
  /** What is wrong with it. */
  readonly problems: readonly string[];
}

/** Extracts values from texts by regular expressions, like cAdvisor's generic collector. */
export class RegexCollector extends HttpCollector<Recipe> implements AppMetrics<RegexTarget> {
  private readonly searcher: Searcher;

  constructor(private readonly options: RegexOptions) {
    super(options.tls);
    this.searcher = new Searcher(options.searchTime);
  }

  stop(): void {
    this.searcher.close();
  }

  targets(container: AppContainer): readonly RegexTarget[] {
    const { labels, interval, targets } = this.options;
    return [
      ...configuredTargets(container, targets, interval),
      ...(labels ? cadvisorTargets(container, false, interval) : []),
    ];
  }

  async collect(target: RegexTarget, access: CollectionAccess): Promise<CollectedMetrics> {
    const { request, metrics, problems } = await this.recipeOf(target, () =>
      target.kind === 'config' ? this.configured(target) : this.read(target, access),
    );
    const { body } = await access.fetch({ ...request, tls: this.tls });
    const found = await this.search(
      target,
      metrics,
      body.toString('utf8', 0, MAX_SEARCHED_LENGTH * 4).slice(0, MAX_SEARCHED_LENGTH),
      access,
    );
    return {
      specs: metrics.map(({ spec }) => spec),
      samples: found.samples,
      problems: [...problems, ...found.problems],
    };
  }

  private configured({ index }: ConfiguredTarget): Recipe {
    const target = this.options.targets[index]!;
    return { request: requestOf(target), metrics: target.metrics.map(titled), problems: [] };
  }

  private read(target: CadvisorTarget, access: CollectionAccess): Promise<Recipe> {
    return this.readTarget(target, access, ({ request, content }) => {
      const inputs = list(content.metrics_config);
      const problems: string[] = [];
      const metrics: NamedMetric[] = [];
      for (const [index, input] of inputs.slice(0, access.limits.metrics).entries()) {
        const metric = parseMetric(input);
        if (typeof metric !== 'string') metrics.push(titled(metric, index));
        else problems.push(`${metricTitle(record(input).name, index)}: ${metric}`);
      }
      if (inputs.length === 0) throw new CollectionError(`${target.file} in the container has no metrics_config`);
      if (inputs.length > access.limits.metrics) {
        problems.push(
          `too many metrics defined: ${inputs.length}, limit: ${access.limits.metrics} (appMetrics.maxMetrics)`,
        );
      }
      const frequencies = inputs.flatMap((input) => pollingInterval(record(input).polling_frequency) ?? []);
      const interval = frequencies.length === 0 ? undefined : Math.min(...frequencies);
      return { recipe: { request, metrics, problems }, interval };
    });
  }

  private async search(
    target: RegexTarget,
    metrics: readonly NamedMetric[],
    text: string,
    { signal, container }: CollectionAccess,
  ) {
    const samples: AppMetricSample[] = [];
    const isOn = ({ switchedOff }: NamedMetric) => switchedOff === undefined;
    const problems = metrics.filter((metric) => !isOn(metric)).map(switchOffProblem);
    const wanted = metrics.filter(isOn);
    const regexes = wanted.map(({ regex }) => regex);
    const { findings, spent } = await this.searcher.search({ container: container.name, text, regexes, signal });
    this.spent(target, spent);
    for (const [index, finding] of findings.entries()) {
      const metric = wanted[index]!;
      if ('unusable' in finding) {
        metric.switchedOff = finding.unusable;
        problems.push(switchOffProblem(metric));
        continue;
      }
      const sample = sampleOf(metric.spec, finding.found);
      if (typeof sample !== 'string') samples.push(sample);
      else problems.push(`${metric.title}: ${sample}`);
    }
    // Expressions for which no time was left are searched at the next collection.
    if (findings.length < wanted.length && !findings.some((finding) => 'unusable' in finding)) {
      problems.push(`searching the answer takes too long; metrics left out: ${wanted.length - findings.length}`);
    }
    return { samples, problems };
  }
}

const switchOffProblem = ({ title, switchedOff }: NamedMetric): string =>
  `${title} is switched off until the container starts again: ${switchedOff}`;

const titled = (metric: RegexMetric, index: number): NamedMetric => ({
  ...metric,
  title: metricTitle(metric.spec.name, index),
});

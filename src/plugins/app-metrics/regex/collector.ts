import { setImmediate } from 'node:timers/promises';
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
import {
  type CadvisorTarget,
  cadvisorTargets,
  list,
  MadeOnce,
  parseCadvisorFile,
  pollingInterval,
  record,
  TargetPace,
  TlsMaterial,
} from '../common/index.js';
import { extract, parseMetric, type RegexMetric } from './metric.js';
import type { RegexOptions } from './options.js';

/** Only the beginning of an answer is searched: status pages are short, and searching is what costs. Characters. */
const SEARCHED = 256 * 1024;
/** Searching yields to the event loop after this many ms, and ends after the second. */
const SLICE = 5;
const LONGEST_SEARCH = 100;

export type RegexTarget = CadvisorTarget | ConfiguredTarget;

/** What to ask a target and what to take from its answer. */
interface Recipe {
  readonly request: AppRequest;
  readonly metrics: readonly RegexMetric[];
  /** What is wrong with it. */
  readonly problems: readonly string[];
}

/** Takes values out of texts by regular expressions: cAdvisor's generic collector. */
export class RegexCollector implements AppMetrics<RegexTarget> {
  private readonly tls: TlsMaterial;
  private readonly pace = new TargetPace<RegexTarget>();
  private readonly recipes = new MadeOnce<RegexTarget, Recipe>();

  constructor(private readonly options: RegexOptions) {
    this.tls = new TlsMaterial(options.tls);
  }

  start(): Promise<void> {
    return this.tls.load();
  }

  targets(container: AppContainer): readonly RegexTarget[] {
    const { labels, interval, targets } = this.options;
    return [
      ...(labels ? cadvisorTargets(container, false, interval) : []),
      ...configuredTargets(container, targets, interval),
    ];
  }

  intervalOf(target: RegexTarget): number {
    return this.pace.intervalOf(target);
  }

  async collect(target: RegexTarget, access: CollectionAccess): Promise<CollectedMetrics> {
    const { request, metrics, problems } = await this.recipes.of(target, () =>
      target.kind === 'config' ? this.configured(target) : this.read(target, access),
    );
    const { body } = await access.fetch({ ...request, tls: this.tls.current });
    const found = await this.search(target, metrics, body.toString('utf8', 0, SEARCHED * 4).slice(0, SEARCHED), access);
    return {
      specs: metrics.map(({ spec }) => spec),
      samples: found.samples,
      problems: [...problems, ...found.problems],
    };
  }

  private configured({ index }: ConfiguredTarget): Recipe {
    const target = this.options.targets[index]!;
    return { request: requestOf(target), metrics: target.metrics, problems: [] };
  }

  private read(target: CadvisorTarget, access: CollectionAccess): Promise<Recipe> {
    return this.pace.prepare(target, async () => {
      const { request, content } = parseCadvisorFile(await access.readFile(target.file), target.file);
      const inputs = list(content.metrics_config);
      const problems: string[] = [];
      const metrics: RegexMetric[] = [];
      for (const [index, input] of inputs.slice(0, access.limits.metrics).entries()) {
        const metric = parseMetric(input);
        if (typeof metric !== 'string') metrics.push(metric);
        else problems.push(`metric ${JSON.stringify(record(input).name ?? index)}: ${metric}`);
      }
      if (inputs.length === 0) throw new CollectionError(`${target.file} in the container has no metrics_config`);
      if (inputs.length > access.limits.metrics) {
        problems.push(
          `too many metrics defined: ${inputs.length}, limit: ${access.limits.metrics} (appMetrics.maxMetrics)`,
        );
      }
      const frequencies = inputs.flatMap((input) => pollingInterval(record(input).polling_frequency) ?? []);
      this.pace.setInterval(target, frequencies.length === 0 ? target.interval : Math.min(...frequencies));
      return { request, metrics, problems };
    });
  }

  private async search(
    target: RegexTarget,
    metrics: readonly RegexMetric[],
    text: string,
    { signal }: CollectionAccess,
  ) {
    const samples: AppMetricSample[] = [];
    const problems: string[] = [];
    let spent = 0;
    let begun = performance.now();
    for (const metric of metrics) {
      if (spent > LONGEST_SEARCH || signal.aborted) {
        problems.push('searching the answer takes too long; the metrics after these are left out');
        break;
      }
      const found = extract(metric, text);
      if (typeof found !== 'string') samples.push(found);
      else problems.push(`metric ${JSON.stringify(metric.spec.name)}: ${found}`);
      const slice = performance.now() - begun;
      if (slice < SLICE) continue;
      spent += slice;
      await setImmediate();
      begun = performance.now();
    }
    this.pace.spent(target, spent + performance.now() - begun);
    return { samples, problems };
  }
}

import { type ByteWriter, type Compress, gzip, zstd } from '../../../kernel/contracts/bytes/index.js';
import {
  type Answer,
  type ApiRequest,
  badRequest,
  definePlugin,
  type Endpoint,
  exportedName,
  hostAndCluster,
  messageOf,
  type OperationInfo,
  PLUGIN_API_VERSION,
  type PlainLabels,
  type PluginContext,
  parseRequestOptions,
  Slices,
  z,
} from '../../../kernel/contracts/index.js';
import { jsonAnswer } from '../common/index.js';
import { AgentMetrics } from './agent-metrics.js';
import { AppMetricsWriter } from './app-metrics.js';
import { ContainerWriter } from './container-writer.js';
import { Explainer, explanationText } from './explain.js';
import { ExportedContainers } from './exported-containers.js';
import { Exposition } from './exposition.js';
import { ExpositionBuffer } from './exposition-buffer.js';
import { FamilyTable } from './families.js';
import { isKubeletMetric, KUBELET_HIDDEN_FIELDS, kubeletLabels } from './kubelet.js';
import { type Identify, LabelUnion } from './label-union.js';
import { chooseEncoding, chooseFormat, contentType, type Encoding, scrapeTimeout } from './negotiation.js';
import { OomKills } from './oom-kills.js';
import { type PrometheusOptions, prometheusOptions } from './options.js';

/** Buffers kept for later answers; concurrent scrapes use more. */
const MAX_IDLE_BUFFERS = 2;
/** Bytes handed to the connection at a time. */
const PIECE = 256 * 1024;

const compressors: Partial<Record<Encoding, Compress>> = {
  ...(zstd !== undefined && { zstd }),
  gzip: (input) => gzip(input, 1),
};

/** Labels that are not exported need no limits. */
const NO_LABEL_LIMITS = { count: 0, nameLength: Infinity, valueLength: Infinity, size: Infinity, empty: 0 };

/** The differences between the metrics at two paths. */
interface PageForm {
  readonly summary: string;
  readonly identify?: Identify;
  /** Fields that are not written. */
  readonly hidden?: ReadonlySet<string>;
  /** Whether the page has a metric of this name. */
  shows?(name: string): boolean;
  readonly withApplications: boolean;
}

const OWN_FORM: PageForm = {
  summary: 'All numbers as metrics: Prometheus text, or OpenMetrics for clients that prefer it.',
  withApplications: true,
};
const KUBELET_FORM: PageForm = {
  summary: 'The metrics of containers under the labels of kubelet’s `/metrics/cadvisor`.',
  identify: kubeletLabels,
  hidden: KUBELET_HIDDEN_FIELDS,
  shows: isKubeletMetric,
  withApplications: false,
};

/** The metrics at one path. */
class MetricsPage {
  private readonly families: FamilyTable;
  private readonly exportedContainers: ExportedContainers;
  private readonly exposition: Exposition;
  private readonly buffers: ExpositionBuffer[] = [];
  private readonly constantLabels: PlainLabels;

  constructor(
    private readonly context: PluginContext,
    readonly options: PrometheusOptions,
    readonly form: PageForm,
    kills: OomKills,
    self: AgentMetrics,
  ) {
    this.constantLabels = options.hostLabels ? hostLabels() : {};
    this.families = new FamilyTable((name) => (form.shows?.(name) === false ? undefined : exportedName(options, name)));
    const union = new LabelUnion(options, form.identify, this.constantLabels);
    this.exportedContainers = new ExportedContainers(context, options, this.families, kills, union);
    const applications = form.withApplications
      ? new AppMetricsWriter(this.families, options, context.logger)
      : undefined;
    const containers = new ContainerWriter(this.families, kills, options.timestamps, applications, form.hidden);
    this.exposition = new Exposition(context, options, this.exportedContainers, containers, self);
  }

  async answer(request: ApiRequest): Promise<Answer> {
    const namespace = await this.select(request.query);
    const buffer = this.buffers.pop() ?? new ExpositionBuffer(this.families, this.constantLabels);
    buffer.clear();
    const explain = request.query.get('explain');
    buffer.format = explain === null ? chooseFormat(request.header('accept')) : 'text';
    const timeout = scrapeTimeout(request.header('x-prometheus-scrape-timeout-seconds')) ?? Number.POSITIVE_INFINITY;
    const at = this.context.clock.monotonic() + timeout;
    const { cut } = await this.exposition.write(buffer, { signal: request.signal, at }, namespace);
    this.context.timers.after(0, () => this.exportedContainers.refreshLimits());
    return explain === null ? this.send(buffer, request) : this.explain(buffer, cut, explain);
  }

  /**
   * Applies the query options that select containers in /api/v2, and samples containers older than `max_age`.
   * @returns the selected namespace; undefined: all
   */
  private async select(query: URLSearchParams): Promise<string | undefined> {
    const { agent } = this.context;
    const { type, maxAge } = explained(() => parseRequestOptions(query, agent));
    const namespace = type === 'name' ? undefined : type;
    if (maxAge !== undefined) {
      await agent.refresh(namespace === undefined ? agent.containers() : agent.containersOf(namespace), maxAge);
    }
    return namespace;
  }

  private async send(buffer: ExpositionBuffer, request: ApiRequest): Promise<Answer> {
    const offered = this.options.compression ? (Object.keys(compressors) as Encoding[]) : [];
    const encoding = chooseEncoding(request.header('accept-encoding'), offered);
    const type = contentType(buffer.format, request.header('accept'));
    const headers = { Vary: 'Accept, Accept-Encoding' };
    const compress = compressors[encoding];
    if (compress === undefined) return { contentType: type, headers, body: (out) => this.body(buffer, out) };
    const compressed = await compress(buffer.join());
    this.keep(buffer);
    return {
      contentType: type,
      headers: { ...headers, 'Content-Encoding': encoding },
      body: (out) => out.bytes(compressed),
    };
  }

  private async explain(buffer: ExpositionBuffer, cut: number, form: string): Promise<Answer> {
    const explainer = new Explainer();
    const slices = new Slices();
    for (const [family, lines] of buffer.written()) {
      explainer.add(family, lines.join(''));
      if (slices.isOver()) await slices.pause();
    }
    this.keep(buffer);
    const explained = explainer.result(cut);
    if (form === 'json') return jsonAnswer(explained);
    const text = explanationText(explained, this.options.path);
    return { contentType: 'text/plain; charset=utf-8', body: (out) => out.text(text) };
  }

  private *body(buffer: ExpositionBuffer, out: ByteWriter): Generator<void, void, void> {
    for (const piece of buffer.pieces()) {
      for (let at = 0; at < piece.length; at += PIECE) {
        out.bytes(piece.subarray(at, at + PIECE));
        if (out.length >= PIECE) yield;
      }
    }
    this.keep(buffer);
  }

  private keep(buffer: ExpositionBuffer): void {
    this.exposition.release(buffer);
    if (this.buffers.length < MAX_IDLE_BUFFERS) this.buffers.push(buffer);
  }
}

const operation = (summary: string): OperationInfo => ({
  summary,
  query: {
    type: z.string().optional().describe('A namespace, such as docker: its containers alone.'),
    max_age: z.string().optional().describe('Reads now what is older: `10s`, `1m30s`, `0`.'),
    explain: z.string().optional().describe('What each metric costs instead of the metrics: as text, or as `json`.'),
  },
  response: z.string(),
  contentType: 'text/plain',
  errors: { 400: 'an option is wrong' },
});

function createEndpoint(context: PluginContext, options: PrometheusOptions): Endpoint {
  const { agent, signal } = context;
  const kills = new OomKills(agent.events, signal);
  const self = new AgentMetrics(agent, signal);
  const pages = [new MetricsPage(context, options, OWN_FORM, kills, self)];
  const { path } = options.kubelet;
  if (path !== undefined) {
    pages.push(new MetricsPage(context, kubeletOptions(options, path), KUBELET_FORM, kills, self));
  }
  return {
    routes: Object.fromEntries(pages.map((page) => [page.options.path, (request: ApiRequest) => page.answer(request)])),
    operations: async () =>
      Object.fromEntries(pages.map(({ options, form }) => [options.path, operation(form.summary)])),
  };
}

/** The labels that tell a host from others, without those that nothing sets. */
function hostLabels(): PlainLabels {
  return Object.fromEntries(Object.entries(hostAndCluster({})).filter(([, value]) => value !== ''));
}

/** kubelet exports only its own six labels, and no metrics of itself at this path. */
function kubeletOptions(options: PrometheusOptions, path: string): PrometheusOptions {
  return { ...options, path, labelAllow: [], labelLimits: NO_LABEL_LIMITS, emptyLabels: false, selfMetrics: false };
}

/** Adds the error text of cAdvisor's endpoint. */
function explained<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw badRequest(`No metrics gathered, last error:\n\n${messageOf(error)}`);
  }
}

export default definePlugin({
  kind: 'endpoint',
  name: 'prometheus',
  apiVersion: PLUGIN_API_VERSION,
  description: 'All numbers as Prometheus metrics, under cAdvisor’s names: text format and OpenMetrics.',
  configSchema: prometheusOptions,
  create: createEndpoint,
});

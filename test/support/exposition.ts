import { ByteWriter } from '../../src/kernel/contracts/bytes/index.js';
import type {
  AgentView,
  Answer,
  ApiRequest,
  ContainerEvent,
  EventFilter,
  PluginContext,
} from '../../src/kernel/contracts/index.js';
import prometheus from '../../src/plugins/endpoints/prometheus/index.js';
import { wallClock } from './discovery.js';
import { loggerTo } from './loggers.js';

/** One series of an answer. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** ms since the epoch */
  readonly time: number | undefined;
  /** Name and labels as one text, labels sorted: equal series have equal keys. */
  readonly key: string;
}

/** An answer as a strict client understands it. */
export interface Exposed {
  readonly types: ReadonlyMap<string, string>;
  readonly helps: ReadonlyMap<string, string>;
  readonly series: readonly Series[];
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: (-?\d+))?$/s;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(?:,(?=[a-zA-Z_])|$)/sy;

/**
 * Reads the text format 0.0.4.
 * @throws Error on any line that is not of the format, a series that appears twice, lines of a family that are apart
 */
export function parseText(text: string): Exposed {
  const types = new Map<string, string>();
  const helps = new Map<string, string>();
  const series: Series[] = [];
  const keys = new Set<string>();
  const finished = new Set<string>();
  let family = '';
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  for (const line of text.slice(0, -1).split('\n')) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/s.exec(line);
    if (comment !== null) {
      const [, word, name, rest] = comment as unknown as [string, string, string, string];
      const table = word === 'HELP' ? helps : types;
      if (table.has(name)) throw new Error(`a second ${word} of ${name}`);
      table.set(name, rest);
      if (family !== '' && family !== name) finished.add(family);
      family = name;
      if (finished.has(name)) throw new Error(`${name} is in two places`);
      continue;
    }
    const one = parseSample(line);
    if (!belongs(one.name, family, types.get(family))) throw new Error(`${one.name} stands below ${family}`);
    if (keys.has(one.key)) throw new Error(`twice: ${one.key}`);
    keys.add(one.key);
    series.push(one);
  }
  return { types, helps, series };
}

function belongs(name: string, family: string, type: string | undefined): boolean {
  if (name === family) return true;
  const suffixes: Record<string, string[]> = { histogram: ['_bucket', '_sum', '_count'], summary: ['_sum', '_count'] };
  return (suffixes[type ?? ''] ?? []).some((suffix) => name === family + suffix);
}

function parseSample(line: string): Series {
  const match = SAMPLE.exec(line);
  if (match === null) throw new Error(`no sample: ${line}`);
  const [, name, labelText = '', value, time] = match as unknown as [string, string, string?, string?, string?];
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < labelText.length) {
    const label = LABEL.exec(labelText);
    if (label === null) throw new Error(`no labels: ${line}`);
    if (Object.hasOwn(labels, label[1]!)) throw new Error(`label ${label[1]} twice: ${line}`);
    labels[label[1]!] = label[2]!.replace(/\\(.)/gs, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
  }
  const number = parseNumber(value!);
  return { name, labels, value: number, time: time === undefined ? undefined : Number(time), key: keyOf(name, labels) };
}

/** Name and labels as one text. */
export function keyOf(name: string, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.keys(labels).sort();
  return `${name}{${pairs.map((label) => `${label}=${JSON.stringify(labels[label])}`).join(',')}}`;
}

function parseNumber(text: string): number {
  const special: Record<string, number> = { NaN: Number.NaN, '+Inf': Infinity, '-Inf': -Infinity };
  if (text in special) return special[text]!;
  if (!/^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(text)) throw new Error(`no number: ${text}`);
  return Number(text);
}

/** What an agent must have, besides containers and machine, to be scraped. */
export function scrapable(agent: Partial<AgentView>): AgentView {
  return {
    departed: () => [],
    pending: () => [],
    plugins: () => [],
    findings: () => [],
    runtimes: () => [],
    engineUsage: () => [],
    fields: () => [],
    events: { query: () => [], subscribe: () => () => {} },
    self: () => ({
      startedAt: 1_700_000_000_000_000,
      samples: { taken: 1, idle: 0, missed: 0 },
      historyBytes: 0,
      descriptors: { kept: 0, limit: 1, reopened: 0 },
      configuration: { activeSince: 0, reloads: { succeeded: 0, failed: 0 }, lastReloadFailed: false },
      log: { lost: 0, leftOut: 0 },
    }),
    ...agent,
  } as AgentView;
}

/** Event log of which a test tells the events. */
export function eventSource(): { log: AgentView['events']; tell(event: ContainerEvent): void } {
  const listeners: { filter: EventFilter; listener: (event: ContainerEvent) => void }[] = [];
  return {
    log: {
      query: () => [],
      subscribe(filter, listener) {
        listeners.push({ filter, listener });
        return () => {};
      },
    },
    tell: (event) => {
      for (const { filter, listener } of listeners) if (filter.types.has(event.type)) listener(event);
    },
  };
}

export interface ScrapeAnswer {
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** The endpoint over an agent, asked directly. */
export function metricsEndpoint(agent: AgentView, options: Record<string, unknown> = {}) {
  const controller = new AbortController();
  const logged: string[] = [];
  const logger = loggerTo(logged);
  const context = {
    id: 'prometheus',
    agent,
    logger,
    clock: wallClock,
    timers: { every: () => () => {}, after: () => () => {} },
    signal: controller.signal,
    linux: agent.host,
  } satisfies PluginContext;
  const endpoint = prometheus.create(context, prometheus.configSchema.parse(options));
  const paths = Object.keys(endpoint.routes);
  const scrape = async (headers: Record<string, string> = {}, query = '', path = paths[0]!): Promise<ScrapeAnswer> => {
    const answer = (await endpoint.routes[path]!(requestOf(headers, query))) as Answer;
    const out = new ByteWriter();
    for (const _ of answer.body(out) ?? []);
    const body = Buffer.from(out.buffer.subarray(0, out.length));
    return { contentType: answer.contentType ?? 'application/json', headers: answer.headers ?? {}, body };
  };
  return {
    scrape,
    text: async (): Promise<string> => (await scrape()).body.toString(),
    exposed: async (path?: string): Promise<Exposed> => parseText((await scrape({}, '', path)).body.toString()),
    paths,
    logged,
    stop: () => controller.abort(),
  };
}

function requestOf(headers: Record<string, string>, query: string): ApiRequest {
  return {
    method: 'GET',
    args: [],
    containerName: '/',
    basePath: '',
    authenticated: true,
    query: new URLSearchParams(query),
    header: (name) => headers[name.toLowerCase()],
    text: async () => '',
    signal: new AbortController().signal,
  };
}

import type { Format } from './families.js';

export type Encoding = 'identity' | 'gzip' | 'zstd';

const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openMetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/**
 * Names have only characters that need no escaping, so an answer is the same whether the client takes UTF-8 in them or
 * wants anything else replaced by underscores; it says which of the two, as Prometheus' client libraries do.
 */
export function contentType(format: Format, accept: string | undefined): string {
  const asked = choices(accept).some(({ parameters }) => parameters.get('escaping') === 'allow-utf-8');
  return `${CONTENT_TYPES[format]}; escaping=${asked ? 'allow-utf-8' : 'underscores'}`;
}

interface Choice {
  readonly name: string;
  readonly parameters: ReadonlyMap<string, string>;
  /** Weight, 0 … 1; 0: not wanted. */
  readonly q: number;
}

/** OpenMetrics when the client prefers it to the text format or likes both alike; text when it states no preference. */
export function chooseFormat(accept: string | undefined): Format {
  let openMetrics = 0;
  let text = 0;
  for (const { name, parameters, q } of choices(accept)) {
    const version = parameters.get('version');
    if (name === 'application/openmetrics-text') {
      if (version === undefined || version === '1.0.0' || version === '0.0.1') openMetrics = Math.max(openMetrics, q);
    } else if (name === 'text/plain' && (version === undefined || version === '0.0.4')) text = Math.max(text, q);
  }
  return openMetrics > 0 && openMetrics >= text ? 'openMetrics' : 'text';
}

/** The encoding that the client likes best among those that can be `offered`; of equals the first one offered. */
export function chooseEncoding(accept: string | undefined, offered: readonly Encoding[]): Encoding {
  const wanted = choices(accept);
  const weightOf = (encoding: string): number | undefined => wanted.find(({ name }) => name === encoding)?.q;
  const weighed = offered
    .map((encoding) => ({ encoding, weight: weightOf(encoding) ?? weightOf('*') ?? 0 }))
    .sort((a, b) => b.weight - a.weight);
  const [best] = weighed;
  return best !== undefined && best.weight > 0 && best.weight >= (weightOf('identity') ?? 0)
    ? best.encoding
    : 'identity';
}

/** Milliseconds that Prometheus waits for the answer; `undefined` when it does not say. */
export function scrapeTimeout(header: string | undefined): number | undefined {
  const seconds = Number(header);
  return header !== undefined && Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
}

function choices(header: string | undefined): Choice[] {
  return (header ?? '').split(',').flatMap((part) => {
    const [name, ...rest] = part.split(';').map((word) => word.trim().toLowerCase());
    if (name === undefined || name === '') return [];
    const parameters = new Map(rest.map(splitPair));
    const q = Number(parameters.get('q') ?? 1);
    return [{ name, parameters, q: Number.isNaN(q) ? 0 : q }];
  });
}

function splitPair(parameter: string): [string, string] {
  const [name = '', ...value] = parameter.split('=');
  return [
    name.trim(),
    value
      .join('=')
      .trim()
      .replace(/^"(.*)"$/, '$1'),
  ];
}

import {
  type AppContainer,
  type AppRequest,
  type AppTarget,
  CollectionError,
} from '../../../kernel/contracts/index.js';

const LABEL = 'io.cadvisor.metric.';
const DEFAULT_PORT = 8000;
/** From this value on a polling frequency is in nanoseconds, as in cAdvisor. */
const NANOSECONDS_FROM = 1e9;

/** A target whose description is a file inside the container. */
export interface CadvisorTarget extends AppTarget {
  readonly kind: 'file';
  /** Path inside the container. */
  readonly file: string;
}

/** The members of every cAdvisor file. */
export interface CadvisorFile {
  readonly request: AppRequest;
  readonly content: Readonly<Record<string, unknown>>;
}

/**
 * The targets that a container declares by cAdvisor's labels.
 * @param prometheus which of them: those for the Prometheus collector (by the beginning of their names), or the others
 * @param interval ms, for as long as the file is not read
 */
export function cadvisorTargets({ labels }: AppContainer, prometheus: boolean, interval: number): CadvisorTarget[] {
  return Object.keys(labels)
    .filter((key) => key.startsWith(LABEL))
    .map((key) => ({ kind: 'file' as const, name: key.slice(LABEL.length), file: labels[key]!, interval }))
    .filter(({ name }) => /^[pP]rometheus/.test(name) === prometheus)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Messages quote nothing of the file, which may be any file of the container that a label names: also one with secrets.
 * @throws CollectionError saying what is wrong with the file
 */
export function parseCadvisorFile(bytes: Buffer, path: string): CadvisorFile {
  let content: unknown;
  try {
    content = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new CollectionError(`${path} in the container is not JSON`);
  }
  const file = record(content);
  const request = requestFrom(file.endpoint);
  if (typeof request === 'string') throw new CollectionError(`${path} in the container: endpoint: ${request}`);
  return { request, content: file };
}

/** A `polling_frequency` in ms: it is in seconds, from 10^9 on in nanoseconds; undefined when invalid. */
export function pollingInterval(value: unknown): number | undefined {
  const frequency = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof frequency !== 'number' || !(frequency > 0)) return undefined;
  return frequency >= NANOSECONDS_FROM ? frequency / 1e6 : frequency * 1000;
}

/** @returns the request, or what is wrong */
function requestFrom(endpoint: unknown): AppRequest | string {
  if (typeof endpoint === 'string') return requestFromUrl(endpoint);
  if (endpoint === undefined) return 'missing; expected a URL or {"protocol": "http", "port": 8000, "path": "/"}';
  const { protocol = 'http', port = DEFAULT_PORT, path = '' } = record(endpoint);
  if (protocol !== 'http' && protocol !== 'https') return 'unknown protocol; expected http or https';
  if (typeof path !== 'string') return 'path is not a text';
  return { scheme: protocol, port: Number(port), path: path.startsWith('/') ? path : `/${path}` };
}

function requestFromUrl(text: string): AppRequest | string {
  if (!URL.canParse(text)) return 'not a URL';
  const { protocol, hostname, port, pathname, search, username } = new URL(text);
  const scheme = protocol === 'http:' ? 'http' : protocol === 'https:' ? 'https' : undefined;
  if (scheme === undefined) return 'not an http or https URL';
  if (username !== '') return 'a URL with a user name is not supported';
  const standard = scheme === 'http' ? 80 : 443;
  return { scheme, host: hostname, port: port === '' ? standard : Number(port), path: `${pathname}${search}` };
}

/** The value as an object, an empty one for anything else. */
export function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** The value as a list, empty for anything else. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const INFINITY = /^([+-]?)inf(inity)?$/i;

/** A floating-point number as applications write it, `NaN` and `+Inf` included; undefined for anything else. */
export function parseFloat64(text: string): number | undefined {
  if (DECIMAL.test(text)) return Number(text);
  if (/^[+-]?nan$/i.test(text)) return Number.NaN;
  const infinity = INFINITY.exec(text);
  if (infinity === null) return undefined;
  return infinity[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

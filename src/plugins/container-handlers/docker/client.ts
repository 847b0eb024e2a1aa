import { setMaxListeners } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Readable } from 'node:stream';
import { inspect } from 'node:util';
import type Dockerode from 'dockerode';
import { messageOf } from '../../../kernel/contracts/index.js';
import { connectFailure, EngineError, number, record, requireSocket, text } from '../common/index.js';
import type { Endpoint } from './endpoint.js';
import type { DaemonOptions } from './options.js';

/** The calls Tallyman makes to an engine. Each ends within the time limit; answers are unchecked JSON. */
export interface EngineClient {
  version(): Promise<unknown>;
  /** The engine's settings and counts. */
  info(): Promise<unknown>;
  images(): Promise<unknown>;
  /** What images and volumes take up; may take the engine minutes. */
  usage(): Promise<unknown>;
  /** All containers, also those that do not run. */
  list(): Promise<unknown>;
  inspect(id: string): Promise<unknown>;
  /**
   * Opens the stream of container events; only the opening is limited in time.
   * @param since engine time in seconds from which to repeat past events
   */
  events(since: string | undefined): Promise<Readable>;
  /** Ends all calls and the event stream, and closes the sockets. */
  close(): void;
}

/** The engine walks through all its volumes before it answers, ms. */
const USAGE_TIMEOUT = 600_000;
/** Limits the answer to images and volumes; `verbose` lists single ones since API 1.52. */
const USAGE_PATH = '/system/df?type=image&type=volume&verbose=true';

/** Makes a client; the first call connects. Rejects when a TLS file cannot be read, or there is no socket. */
export async function createEngineClient(
  endpoint: Endpoint,
  tls: DaemonOptions['tls'],
  timeout: number,
): Promise<EngineClient> {
  if (endpoint.kind === 'unix') requireSocket(endpoint.path, endpoint.url);
  const agent =
    endpoint.kind === 'https'
      ? new HttpsAgent({ keepAlive: true, ...(await readTlsFiles(tls)) })
      : new HttpAgent({ keepAlive: true });
  // docker-modem formats the options of each request for its debug output, also when there is none: of the agent that
  // would be all sockets and requests, which takes 10 ms of CPU time per request when many are under way.
  Object.defineProperty(agent, inspect.custom, { value: () => 'Agent' });
  const { default: Docker } = await import('dockerode');
  const docker = new Docker(modemOptions(endpoint, agent));
  // The type package does not know that these take options.
  type Call = (options: { abortSignal: AbortSignal }) => Promise<unknown>;
  const { version, info } = docker as unknown as { version: Call; info: Call };
  const closed = new AbortController();
  // Each call listens to it while it lasts. Node takes more than ten for a leak and says so on stderr.
  setMaxListeners(0, closed.signal);
  const call = limited(endpoint, timeout, closed.signal);
  const patientCall = limited(endpoint, Math.max(timeout, USAGE_TIMEOUT), closed.signal);
  return {
    version: () => call('version', (abortSignal) => version.call(docker, { abortSignal })),
    info: () => call('info', (abortSignal) => info.call(docker, { abortSignal })),
    images: () => call('images', (abortSignal) => docker.listImages({ abortSignal })),
    usage: () => patientCall('disk usage', (abortSignal) => get(docker, USAGE_PATH, abortSignal)),
    list: () => call('the list of containers', (abortSignal) => docker.listContainers({ all: true, abortSignal })),
    inspect: (id) => call(`container ${id}`, (abortSignal) => docker.getContainer(id).inspect({ abortSignal })),
    events: (since) =>
      call(
        'events',
        (abortSignal) =>
          docker.getEvents({
            filters: { type: ['container'] },
            abortSignal,
            ...(since === undefined ? {} : { since: since as unknown as number }),
          }) as Promise<Readable>,
      ),
    close() {
      closed.abort();
      agent.destroy();
    },
  };
}

/** A call with a query that dockerode's own method does not take. */
function get(docker: Dockerode, path: string, abortSignal: AbortSignal): Promise<unknown> {
  const request = { path, method: 'GET', abortSignal, statusCodes: { 200: true, 500: 'server error' } };
  return new Promise((resolve, reject) => {
    docker.modem.dial(request, (error: unknown, answer: unknown) => (error ? reject(error) : resolve(answer)));
  });
}

/**
 * Every connection setting is given, also those without a value: docker-modem takes the missing ones from `DOCKER_HOST`
 * and its like in the agent's environment, which would win over the configured endpoint.
 */
function modemOptions(endpoint: Endpoint, agent: HttpAgent): Dockerode.DockerOptions {
  const target =
    endpoint.kind === 'unix'
      ? { socketPath: endpoint.path, host: undefined, port: undefined, protocol: 'http' as const }
      : { socketPath: undefined, host: endpoint.host, port: endpoint.port, protocol: endpoint.kind };
  const settings = { ...target, agent, ca: undefined, cert: undefined, key: undefined, timeout: undefined };
  return settings as unknown as Dockerode.DockerOptions;
}

async function readTlsFiles(files: DaemonOptions['tls']): Promise<{ ca?: Buffer; cert?: Buffer; key?: Buffer }> {
  const result: { ca?: Buffer; cert?: Buffer; key?: Buffer } = {};
  for (const name of ['ca', 'cert', 'key'] as const) {
    const path = files[name];
    if (path !== undefined) result[name] = await readFile(path);
  }
  return result;
}

/**
 * Calls with a time limit of their own: dockerode has none, and does not answer at all when a socket dies in the middle
 * of an answer.
 */
function limited({ url }: Endpoint, timeout: number, closed: AbortSignal) {
  return async <T>(what: string, start: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const call = new AbortController();
    const { signal } = call;
    const end = (reason: string) => call.abort(new EngineError(`${url}${reason}`, undefined));
    const onClose = () => end(': connection closed');
    const release = () => closed.removeEventListener('abort', onClose);
    const timer = setTimeout(() => end(` did not answer about ${what} within ${timeout} ms`), timeout);
    closed.addEventListener('abort', onClose);
    try {
      const answer = await new Promise<T>((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
        if (closed.aborted) onClose();
        else start(signal).then(resolve, (error: unknown) => reject(explain(url, what, error)));
      });
      // An event stream goes on after this call: closing the client must still end it.
      if (answer instanceof Readable) answer.once('close', release);
      else release();
      return answer;
    } catch (error) {
      release();
      call.abort();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  };
}

function explain(url: string, what: string, error: unknown): EngineError {
  const status = number(record(error).statusCode);
  if (status !== undefined) {
    const reason = text(record(record(error).json).message) || messageOf(error).trim();
    return new EngineError(`${url} refused ${what} with status ${status}: ${reason}`, status, error);
  }
  return new EngineError(`${url}: ${connectFailure(error) ?? messageOf(error)}`, undefined, error);
}

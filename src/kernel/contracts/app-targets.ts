import type { AppContainer, AppEndpoint, AppRequest, AppTarget } from './app-metrics.js';
import { type ContainerMatch, containerMatch, matchesContainer } from './container-match.js';
import { duration } from './options.js';
import { z } from './zod.js';

const where = () => ({
  name: z.string().min(1).describe('Shown in messages, to tell the targets of a container apart.'),
  match: containerMatch().describe('Which containers are meant.'),
  port: z.int().min(1).max(65535).optional().describe('TCP port in the container. This or `socket` is needed.'),
  socket: z
    .string()
    .regex(/^\//, { error: 'expected an absolute path' })
    .optional()
    .describe('Path of a unix socket inside the container, instead of `port`.'),
  host: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Host to ask instead of the container’s own address; needed for systemd units and raw cgroups (`127.0.0.1`). The agent trusts what is written here.',
    ),
});
const when = () => ({
  interval: duration().optional().describe('Time between two collections. Without it the plugin’s `interval`.'),
  timeLimit: duration().optional().describe('Time that a collection may take, `5s` at most.'),
});

/**
 * Members of an entry of an app-metrics plugin's `targets` option: which containers are meant, where in them something
 * answers, and how often to ask. Put them into a `z.strictObject` with what the plugin itself needs, and
 * `.refine(hasOneEndpoint, ONE_ENDPOINT)` it; `configuredTargets` makes targets of the entries.
 */
export const targetShape = () => ({ ...where(), ...when() });

/** The same for HTTP targets; `requestOf` converts an entry to a request. */
export const httpTargetShape = (defaultPath: string) => ({
  ...where(),
  scheme: z.enum(['http', 'https']).default('http').describe('`http` or `https`.'),
  path: z
    .string()
    .regex(/^\//, { error: 'expected a path that starts with /' })
    .default(defaultPath)
    .describe('Path of the URL.'),
  headers: z.record(z.string(), z.string()).default({}).describe('Headers to send: `{Authorization: Bearer …}`.'),
  ...when(),
});

/** Whether an entry has either a port or a socket. */
export const hasOneEndpoint = ({ port, socket }: Pick<EndpointOptions, 'port' | 'socket'>): boolean =>
  (port === undefined) !== (socket === undefined);

/** The error for `hasOneEndpoint`. */
export const ONE_ENDPOINT = { path: ['port'], error: 'expected either port or socket' };

/** The endpoint of an entry of `targets`. */
export interface EndpointOptions {
  readonly port?: number | undefined;
  readonly socket?: string | undefined;
  readonly host?: string | undefined;
}

export interface HttpEndpointOptions extends EndpointOptions {
  readonly scheme: 'http' | 'https';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The endpoint of an entry, for `CollectionAccess.connect`. */
export function endpointOf({ port, socket, host }: EndpointOptions): AppEndpoint {
  return {
    ...(port === undefined ? {} : { port }),
    ...(socket === undefined ? {} : { socket }),
    ...(host === undefined ? {} : { host }),
  };
}

/** The request of an entry, for `CollectionAccess.fetch`. */
export function requestOf({ scheme, path, headers, ...endpoint }: HttpEndpointOptions): AppRequest {
  return { scheme, path, headers, ...endpointOf(endpoint) };
}

/** A target from the agent's config. */
export interface ConfiguredTarget extends AppTarget {
  readonly kind: 'config';
  /** Index in the options' `targets`. */
  readonly index: number;
}

interface TargetOptions {
  readonly name: string;
  readonly match: ContainerMatch;
  readonly host?: string | undefined;
  readonly interval?: number | undefined;
  readonly timeLimit?: number | undefined;
}

/**
 * The entries of `targets` that mean a container, as `AppMetrics.targets` gives them.
 * @param interval ms, where an entry says none
 */
export function configuredTargets(
  container: AppContainer,
  entries: readonly TargetOptions[],
  interval: number,
): ConfiguredTarget[] {
  return entries.flatMap(({ name, match, host, timeLimit, interval: own = interval }, index): ConfiguredTarget[] => {
    if (!matchesContainer(match, container)) return [];
    return [
      {
        kind: 'config',
        name,
        index,
        interval: own,
        ...(timeLimit === undefined ? {} : { timeLimit }),
        ...(host === undefined ? {} : { trustedHosts: [host] }),
      },
    ];
  });
}

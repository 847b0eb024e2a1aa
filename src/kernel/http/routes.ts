import Router from '@koa/router';
import type { ParameterizedContext } from 'koa';
import {
  type AnyAnswer,
  type ApiRequest,
  type ApiVersion,
  badRequest,
  type Endpoint,
  type RequestHandler,
  TallymanError,
} from '../contracts/index.js';
import { lineageOf } from '../supervision/index.js';
import type { Exchange } from './exchange.js';

/** The state of a request in Koa; @koa/router routes by `newRouterPath`. */
export interface HttpState {
  exchange: Exchange;
}
export type HttpContext = ParameterizedContext<HttpState> & { newRouterPath?: string };

/** A plugin that answers requests, and its ID. */
export interface Mounted<T> {
  readonly id: string;
  readonly instance: T;
}

/** Passes a request to a plugin's handler and sends the answer. */
export type Serve = (
  exchange: Exchange,
  pluginId: string,
  what: string,
  handler: RequestHandler,
  args: readonly string[],
) => Promise<void>;

export interface Mounts {
  readonly apiVersions: readonly Mounted<ApiVersion>[];
  readonly endpoints: readonly Mounted<Endpoint>[];
}

/** Receives the problems found while routes are built. */
export interface MountProblems {
  /** Two plugins claim one path; when this returns, the earlier one keeps it. */
  conflict(error: TallymanError): void;
  /** A version extends one that no plugin serves; it keeps its own request types. */
  missingBase(error: TallymanError): void;
}

/** Finds the handler of a path; paths are without the URL prefix. */
export type Routes = ReturnType<typeof buildRoutes>;

/** Registers every request type of every version and every route of every endpoint. */
export function buildRoutes({ apiVersions, endpoints }: Mounts, serve: Serve, problems: MountProblems) {
  const claims = new Claims((error) => problems.conflict(error));
  const api = buildApi(apiVersions, serve, claims, (error) => problems.missingBase(error));
  const exact = new Map<string, RouteDispatch>();
  const below = new Map<string, RouteDispatch>();
  for (const { id, instance } of endpoints) {
    for (const [path, handler] of Object.entries(instance.routes)) {
      if (!claims.claim(path, id)) continue;
      (path.endsWith('/') ? below : exact).set(path, (context, requested) =>
        serve(context.state.exchange, id, path, handler, segmentsOf(requested.slice(path.length))),
      );
    }
  }
  const directories = [...below].sort(([a], [b]) => b.length - a.length);
  const find = (path: string): RouteDispatch | undefined => {
    const directory = directories.find(([prefix]) => path.startsWith(prefix));
    const isApi = path.startsWith('/api/') && directory?.[0].startsWith('/api/') !== true;
    return exact.get(path) ?? (isApi ? api.dispatch : directory?.[1]);
  };
  return {
    /** @returns false when no route matches */
    async dispatch(context: HttpContext, path: string): Promise<boolean> {
      const route = find(path);
      if (route === undefined) return false;
      await route(context, path);
      return true;
    },
    /** Whether the path is a directory without its trailing slash (`/api`), to be redirected. */
    isDirectory: (path: string) => !exact.has(path) && (path === '/api' || below.has(`${path}/`)),
    serves: (path: string) => find(path) !== undefined,
    /** The registered paths; one that ends in `/` includes everything below it. */
    paths: () => ['/api/', ...claims.paths(), ...api.paths].sort(),
  };
}

type RouteDispatch = (context: HttpContext, path: string) => Promise<void>;

/** Which plugin serves which path. */
class Claims {
  private readonly owners = new Map<string, string>();

  constructor(private readonly onConflict: (error: TallymanError) => void) {}

  paths(): string[] {
    return [...this.owners.keys()];
  }

  /** @returns false when another plugin serves the path */
  claim(path: string, id: string): boolean {
    const owner = this.owners.get(path);
    if (owner === undefined) {
      this.owners.set(path, id);
      return true;
    }
    this.onConflict(
      new TallymanError(`plugins ${owner} and ${id} both serve ${path}`, {
        hint: 'remove one of the two from the configuration (use: …, enabled: false)',
      }),
    );
    return false;
  }
}

function buildApi(
  versions: readonly Mounted<ApiVersion>[],
  serve: Serve,
  claims: Claims,
  onMissingBase: (error: TallymanError) => void,
) {
  /** `/api/v1.3/containers/` for each request type of each version */
  const paths: string[] = [];
  const byName = new Map<string, RouteDispatch>();
  const claimed = versions.filter(({ id, instance }) => claims.claim(`/api/${instance.version}/`, id));
  for (const mounted of claimed) {
    const { versions: lineage, broken } = lineageOf(mounted, claimed);
    if (broken !== undefined) {
      const { id, instance } = lineage.at(-1)!;
      onMissingBase(new TallymanError(`plugin ${id} extends API version ${instance.extends}, and ${broken}`));
    }
    const { version } = mounted.instance;
    const served = typesOf(lineage);
    byName.set(version, run(versionRouter(version, served, serve)));
    paths.push(...[...served.types.keys()].map((type) => `/api/${version}/${type}/`));
  }
  const names = [...byName.keys()].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const dispatch: RouteDispatch = async (context, path) => {
    if (path === '/api/') throw badRequest(`Supported API versions: ${names.join(',')}`);
    const version = path.split('/', 3)[2]!;
    const serveVersion = byName.get(version);
    if (serveVersion === undefined) throw badRequest(`unsupported API version ${JSON.stringify(version)}`);
    await serveVersion(context, path);
  };
  return { dispatch, paths };
}

function versionRouter(
  version: string,
  { types, unknown }: ReturnType<typeof typesOf>,
  serve: Serve,
): Router<HttpState> {
  const root = `/api/${version}/`;
  const router = new Router<HttpState>({ prefix: literal(root.slice(0, -1)), sensitive: true });
  router.all('/', () => {
    throw badRequest(`Supported request types: "${[...types.keys()].sort().join(',')}"`);
  });
  for (const [type, { id, handler }] of types) {
    const name = `${root}${type}`;
    router.all(`/${literal(type)}{/*args}`, (context) =>
      serve(context.state.exchange, id, name, handler, segmentsOf(pathOf(context).slice(name.length))),
    );
  }
  router.all('/*other', (context) =>
    serve(context.state.exchange, unknown.id, root, unknown.handler, segmentsOf(pathOf(context).slice(root.length))),
  );
  return router;
}

/** The handler of a request type, and its plugin. */
interface ServedType {
  readonly id: string;
  readonly handler: RequestHandler;
}

/** The request types of a version, including those of the versions it extends, and what answers every other type. */
function typesOf(lineage: readonly Mounted<ApiVersion>[]) {
  const types = new Map<string, ServedType>();
  for (const [depth, { id, instance }] of lineage.entries()) {
    const validators = lineage.slice(0, depth + 1);
    for (const [type, handler] of Object.entries(instance.requestTypes)) {
      if (!types.has(type)) types.set(type, { id, handler: validated(validators, handler) });
    }
  }
  const unknown: RequestHandler = (request) => {
    throw badRequest(`unknown request type ${JSON.stringify(request.args[0])}`);
  };
  return { types, unknown: { id: lineage[0]!.id, handler: validated(lineage, unknown) } };
}

/** Options are validated before the request type, so that a bad option is reported before an unknown type. */
function validated(validators: readonly Mounted<ApiVersion>[], handler: RequestHandler): RequestHandler {
  return (request) => {
    for (const { instance } of validators) instance.validate?.(request);
    return handler(request);
  };
}

function run(router: Router<HttpState>): RouteDispatch {
  const routes = router.routes();
  return async (context, path) => {
    context.newRouterPath = path;
    await routes(context as unknown as Parameters<typeof routes>[0], async () => {});
  };
}

function pathOf(context: unknown): string {
  return (context as HttpContext).newRouterPath ?? '/';
}

function segmentsOf(rest: string): string[] {
  return rest.split('/').filter((segment) => segment !== '');
}

/** Escapes the special characters of path-to-regexp. */
function literal(path: string): string {
  return path.replace(/[{}()[\]+?!:*\\]/g, '\\$&');
}

/** The request as handlers see it. */
export function apiRequest(exchange: Exchange, args: readonly string[]): ApiRequest {
  return {
    method: exchange.method,
    args,
    containerName: `/${args.join('/')}`,
    basePath: exchange.basePath,
    query: new URLSearchParams(exchange.query),
    header: (name) => headerOf(exchange, name),
    get authenticated() {
      return exchange.authenticated;
    },
    text: () => exchange.text(),
    get signal() {
      return exchange.signal;
    },
  };
}

function headerOf({ request }: Exchange, name: string): string | undefined {
  const value = request.headers[name.toLowerCase()];
  return Array.isArray(value) ? value.join(', ') : value;
}

/** @throws TypeError when a plugin's answer has neither body nor stream */
export function checkAnswer(answer: AnyAnswer): AnyAnswer {
  const { body, stream } = (answer ?? {}) as { body?: unknown; stream?: AsyncIterable<unknown> };
  if (typeof body !== 'function' && typeof stream?.[Symbol.asyncIterator] !== 'function') {
    throw new TypeError('the handler answered without a body function or a stream');
  }
  return answer;
}

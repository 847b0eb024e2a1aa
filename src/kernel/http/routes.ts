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

/** What a request carries through the routers; `newRouterPath` is what @koa/router routes by. */
export interface HttpState {
  exchange: Exchange;
}
export type HttpContext = ParameterizedContext<HttpState> & { newRouterPath?: string };

/** A plugin that answers requests, with the id it has in the agent. */
export interface Mounted<T> {
  readonly id: string;
  readonly instance: T;
}

/** Passes a request to a plugin's handler and sends what it answers. */
export type Serve = (
  exchange: Exchange,
  pluginId: string,
  what: string,
  handler: RequestHandler,
  args: readonly string[],
) => Promise<void>;

/** Finds the handler of a path; paths are without the URL prefix. */
export interface Routes {
  /** @returns false when nobody serves the path */
  dispatch(context: HttpContext, path: string): Promise<boolean>;
  /** Whether the path is only the name of a directory that is served (`/api`): to be redirected. */
  isDirectory(path: string): boolean;
  /** Whether somebody serves the path. */
  serves(path: string): boolean;
  /** Everything that is registered; a path that ends in `/` serves what is below it. */
  paths(): string[];
}

/** What is served: the API versions and the endpoints. */
export interface Mounts {
  readonly apiVersions: readonly Mounted<ApiVersion>[];
  readonly endpoints: readonly Mounted<Endpoint>[];
}

/** What is told of mounts that do not fit together. */
export interface MountTroubles {
  /** A plugin claims what an earlier one serves; when this returns, the earlier one keeps it. */
  conflict(error: TallymanError): void;
  /** A version extends one that nobody serves: it goes on with its own request types. */
  orphan(error: TallymanError): void;
}

/** Registers every request type of every version on a router of its own, and every route of every endpoint. */
export function buildRoutes({ apiVersions, endpoints }: Mounts, serve: Serve, troubles: MountTroubles): Routes {
  const claims = new Claims((error) => troubles.conflict(error));
  const api = buildApi(apiVersions, serve, claims, (error) => troubles.orphan(error));
  const exact = new Map<string, RouteDispatch>();
  const below = new Map<string, RouteDispatch>();
  for (const { id, instance } of endpoints) {
    for (const [path, handler] of Object.entries(instance.routes)) {
      if (!claims.take(path, id)) continue;
      const dispatch = endpointRouter(id, path, handler, serve);
      (path.endsWith('/') ? below : exact).set(path, dispatch);
    }
  }
  const directories = [...below].sort(([a], [b]) => b.length - a.length);
  const find = (path: string): RouteDispatch | undefined =>
    exact.get(path) ??
    (path.startsWith('/api/') ? api.dispatch : directories.find(([directory]) => path.startsWith(directory))?.[1]);
  return {
    async dispatch(context, path) {
      const route = find(path);
      if (route === undefined) return false;
      await route(context, path);
      return true;
    },
    isDirectory: (path) => !exact.has(path) && (path === '/api' || below.has(`${path}/`)),
    serves: (path) => find(path) !== undefined,
    paths: () => ['/api/', ...claims.taken(), ...api.paths].sort(),
  };
}

type RouteDispatch = (context: HttpContext, path: string) => Promise<void>;

/** Which plugin serves what. */
class Claims {
  private readonly owners = new Map<string, string>();

  constructor(private readonly onConflict: (error: TallymanError) => void) {}

  taken(): string[] {
    return [...this.owners.keys()];
  }

  /** @returns false when another plugin has it */
  take(what: string, id: string): boolean {
    const owner = this.owners.get(what);
    if (owner === undefined) {
      this.owners.set(what, id);
      return true;
    }
    this.onConflict(
      new TallymanError(`plugins ${owner} and ${id} both serve ${what}`, {
        hint: 'remove one of the two from the configuration (use: …, enabled: false)',
      }),
    );
    return false;
  }
}

function endpointRouter(id: string, path: string, handler: RequestHandler, serve: Serve): RouteDispatch {
  const router = new Router<HttpState>({ sensitive: true, strict: true });
  router.all(path.endsWith('/') ? `${literal(path)}{*rest}` : literal(path), (context) =>
    serve(context.state.exchange, id, path, handler, segmentsOf(pathOf(context).slice(path.length))),
  );
  return run(router);
}

interface Api {
  readonly dispatch: RouteDispatch;
  /** `/api/v1.3/containers/` for each request type of each version */
  readonly paths: readonly string[];
}

function buildApi(
  versions: readonly Mounted<ApiVersion>[],
  serve: Serve,
  claims: Claims,
  onOrphan: (error: TallymanError) => void,
): Api {
  const paths: string[] = [];
  const byName = new Map<string, RouteDispatch>();
  const claimed = versions.filter(({ id, instance }) => claims.take(`/api/${instance.version}/`, id));
  for (const mounted of claimed) {
    const { versions: lineage, broken } = lineageOf(mounted, claimed);
    if (broken !== undefined) {
      const { id, instance } = lineage.at(-1)!;
      onOrphan(new TallymanError(`plugin ${id} extends API version ${instance.extends}, and ${broken}`));
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
function versionRouter(version: string, { types, unknown }: ServedTypes, serve: Serve): Router<HttpState> {
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

/** A request type of a version, and the plugin that answers it. */
interface ServedType {
  readonly id: string;
  readonly handler: RequestHandler;
}

interface ServedTypes {
  readonly types: ReadonlyMap<string, ServedType>;
  /** What answers every other type. */
  readonly unknown: ServedType;
}

/** The request types of a version: its own, then those of what it extends. */
function typesOf(lineage: readonly Mounted<ApiVersion>[]): ServedTypes {
  const types = new Map<string, ServedType>();
  for (const [depth, { id, instance }] of lineage.entries()) {
    const judges = lineage.slice(0, depth + 1);
    for (const [type, handler] of Object.entries(instance.requestTypes)) {
      if (!types.has(type)) types.set(type, { id, handler: judged(judges, handler) });
    }
  }
  const unknown: RequestHandler = (request) => {
    throw badRequest(`unknown request type ${JSON.stringify(request.args[0])}`);
  };
  return { types, unknown: { id: lineage[0]!.id, handler: judged(lineage, unknown) } };
}

/** Options are judged before the request type, so a bad option wins over an unknown type. */
function judged(judges: readonly Mounted<ApiVersion>[], handler: RequestHandler): RequestHandler {
  return (request) => {
    for (const { instance } of judges) instance.validate?.(request);
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

/** Text that path-to-regexp takes literally. */
function literal(path: string): string {
  return path.replace(/[{}()[\]+?!:*\\]/g, '\\$&');
}

/** A request in the form that handlers see. */
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

/** @throws TypeError when a plugin's answer is none */
export function checkAnswer(answer: AnyAnswer): AnyAnswer {
  const { body, stream } = (answer ?? {}) as { body?: unknown; stream?: AsyncIterable<unknown> };
  if (typeof body !== 'function' && typeof stream?.[Symbol.asyncIterator] !== 'function') {
    throw new TypeError('the handler answered without a body function or a stream');
  }
  return answer;
}

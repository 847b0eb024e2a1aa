/** How to reach an agent. */
export interface ClientOptions {
  /** Sent with every request: `{ authorization: 'Bearer …' }`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Replaces the global `fetch`: for unix sockets, proxies, client certificates. */
  readonly fetch?: typeof fetch;
}

/** Options of every call. */
export interface CallOptions {
  /** Aborts the call, which rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** An answer other than 200. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  /** @param status the HTTP status @param url the requested URL @param message the agent's error text */
  constructor(
    readonly status: number,
    readonly url: string,
    message: string,
  ) {
    super(message);
  }
}

/** Query options; undefined ones are omitted. */
export type Query = Readonly<Record<string, string | number | boolean | Date | undefined>>;

/** Requests to one agent. */
export class Connection {
  private readonly base: string;

  /** @param url the agent's address, with its URL prefix if it has one */
  constructor(
    url: string | URL,
    private readonly options: ClientOptions,
  ) {
    this.base = String(url).replace(/\/+$/, '');
  }

  /** The JSON of an answer. @throws ApiError for anything but 200 */
  async json<T>(path: string, query: Query, { signal }: CallOptions = {}, body?: unknown): Promise<T> {
    const response = await this.open(path, query, signal, body);
    return (await response.json()) as T;
  }

  /** An answer whose body is not read yet. @throws ApiError for anything but 200 */
  async open(path: string, query: Query, signal?: AbortSignal, body?: unknown): Promise<Response> {
    const { fetch: send = fetch, headers = {} } = this.options;
    const url = `${this.base}${path}${queryText(query)}`;
    const content = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const response = await send(url, { headers, ...content, ...(signal !== undefined && { signal }) });
    if (response.status !== 200) throw new ApiError(response.status, url, (await response.text()).trim());
    return response;
  }
}

/** A container's name or alias as the end of a path: `/system.slice/a b` → `/system.slice/a%20b`. */
export function namePath(name: string): string {
  const segments = name.split('/').filter((segment) => segment !== '');
  return segments.map((segment) => `/${encodeURIComponent(segment)}`).join('');
}

function queryText(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, value instanceof Date ? value.toISOString() : String(value));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

import type { z } from 'zod';
import type { ByteWriter } from './bytes/index.js';

/** A request as handlers see it. The HTTP method does not matter to API versions. */
export interface ApiRequest {
  readonly method: string;
  /** Decoded path segments after the request type, without a leading or trailing empty one. */
  readonly args: readonly string[];
  /** `/` + args: the absolute container name that the path gives. */
  readonly containerName: string;
  /** Prefix of the path of every link to the agent (`web.urlBasePrefix`): `/monitoring`, or empty. */
  readonly basePath: string;
  readonly query: URLSearchParams;
  /** A header by its case-insensitive name; several are joined with `, `. */
  header(name: string): string | undefined;
  /**
   * Whether the client may have what costs the agent dearly or shows its inside: it proved who it is with a password, a
   * token or a certificate, or it came over a unix socket, whose file's mode says who may. Being on this host is no proof.
   */
  readonly authenticated: boolean;
  /** The whole body as text. @throws RequestError 413 above the size limit, 408 when it does not arrive in time */
  text(): Promise<string>;
  /** Aborted when the client goes away, the request time limit passes or the agent stops. */
  readonly signal: AbortSignal;
}

/**
 * Writes an answer. A plain function writes all at once; a generator yields between pieces (after each container),
 * where what is written so far may be sent and the client's slowness waited for.
 */
export type AnswerBody = (out: ByteWriter) => void | Generator<void, void, void>;

/** The answer of a handler; default status 200. Errors are thrown (`RequestError`). */
export interface Answer {
  readonly status?: number;
  /** Default `application/json`. */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: AnswerBody;
}

/**
 * An answer that goes on for as long as there is something to say, such as a stream of events. The head is sent at once,
 * every piece as soon as it comes, and the next piece is asked for when the client has taken the last one: what comes
 * faster than a client reads waits in the iterator, which must bound it. The iterator is ended (`return`) when the client
 * goes away or the agent stops; ending it must make a `next` that waits resolve.
 */
export interface StreamedAnswer {
  readonly status?: number;
  /** Absent: the answer has no `Content-Type`. */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly stream: AsyncIterable<string | Uint8Array>;
}

export type AnyAnswer = Answer | StreamedAnswer;

export type RequestHandler = (request: ApiRequest) => AnyAnswer | Promise<AnyAnswer>;

/** Documentation of a request type or route, for the OpenAPI document and for tests of answers. */
export interface OperationInfo {
  /** What it returns, in one sentence. */
  readonly summary: string;
  /** The rest of the path; absent: it is ignored. */
  readonly rest?: { readonly name: string; readonly description: string; readonly required?: boolean };
  /** Query options by name. */
  readonly query?: Readonly<Record<string, z.ZodType>>;
  /** The only method that is answered; absent: any. */
  readonly method?: 'POST';
  /** The JSON body of the request. */
  readonly body?: z.ZodType;
  /** The body of a success: JSON unless `contentType` says otherwise. */
  readonly response: z.ZodType;
  readonly contentType?: string;
  /** Status of a success. Default: 200. */
  readonly status?: number;
  /** Error statuses and their causes; the body is a line of text unless a schema is given. Default: 400 and 404. */
  readonly errors?: Readonly<Record<number, string | { readonly description: string; readonly response: z.ZodType }>>;
}

/** Documentation by request type or path, loaded on demand. */
export type Operations = () => Promise<Readonly<Record<string, OperationInfo>>>;

/** A documented operation that is served. */
export interface ServedOperation extends OperationInfo {
  /** `/api/v2.0/stats`, without the URL prefix. */
  readonly path: string;
  /** `api-v2.0`: the plugin that serves it. */
  readonly plugin: string;
}

/** What `create` of an `api-version` plugin returns. Mounted at `/api/<version>/<request type>/…`. */
export interface ApiVersion {
  /** `v2.0`. Listed by `/api/` in the order of the numbers. */
  readonly version: string;
  /**
   * The version that this one extends (`v2.1`), whosever plugin serves it: request types that this one does not have
   * are then served below its name too, by the other's plugin. While no plugin serves that version, only this one's own
   * types are there, and the log says so.
   */
  readonly extends?: string;
  /**
   * Called for every request of this version before the type is looked up (validation of common options). Request types
   * of an extended version are judged by that version's as well.
   */
  readonly validate?: (request: ApiRequest) => void;
  /** Request type → handler. */
  readonly requestTypes: Readonly<Record<string, RequestHandler>>;
  /** Documentation of the request types; optional for each of them. */
  readonly operations?: Operations;
}

/** What `create` of an `endpoint` plugin returns: routes outside `/api`. */
export interface Endpoint {
  /** Path → handler. A path ending in `/` serves everything below it; `args` are the segments below. */
  readonly routes: Readonly<Record<string, RequestHandler>>;
  /** Documentation of the routes. */
  readonly operations?: Operations;
}

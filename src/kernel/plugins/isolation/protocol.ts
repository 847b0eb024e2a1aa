import type { JsonSchema } from '../../config/index.js';
import {
  type AppContainer,
  type AppEndpoint,
  type AppRequest,
  type AppTarget,
  type CollectionAccess,
  CollectionError,
  type HostPaths,
  isCollectionError,
  type Logger,
  type MachineInfo,
  messageOf,
  type PluginKind,
  TallymanError,
} from '../../contracts/index.js';

/** Where the worker finds the plugin: the URL of its module, or of a module that exports a table of built-ins. */
export interface ModuleLocation {
  readonly url: string;
  /** Name in `builtinPlugins` of the module. */
  readonly builtin?: string;
}

/** The worker's description of the loaded plugin. */
export interface Manifest {
  readonly kind: PluginKind;
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly optionsSchema: JsonSchema;
  /** Issues of zod about the options; absent when they are valid. */
  readonly issues?: readonly unknown[];
}

/** A target and the number that identifies it in later calls. */
interface NumberedTarget {
  readonly number: number;
  /** Absent when the worker already knows it. */
  readonly target?: AppTarget;
}

/** Calls into the plugin. */
export type Call =
  | { readonly method: 'load'; readonly id: string; readonly place: ModuleLocation; readonly options: unknown }
  | { readonly method: 'start'; readonly paths: HostPaths; readonly machine: MachineInfo }
  | { readonly method: 'stop' }
  | { readonly method: 'targets'; readonly container: AppContainer }
  | {
      readonly method: 'collect';
      readonly target: NumberedTarget;
      readonly container: AppContainer;
      readonly now: number;
      readonly limits: CollectionAccess['limits'];
    };

export type Access =
  | { readonly method: 'fetch'; readonly request: AppRequest }
  | { readonly method: 'readFile'; readonly path: string }
  | { readonly method: 'connect'; readonly endpoint: AppEndpoint };

/** Events of a connection; `ack` is the number of bytes that were read. */
export type StreamEvent =
  | { readonly event: 'data'; readonly bytes: Uint8Array }
  | { readonly event: 'ack'; readonly bytes: number }
  | { readonly event: 'end' }
  | { readonly event: 'close'; readonly error?: WireError };

export interface CollectReply {
  readonly collected: unknown;
  /** The result of `intervalOf` after the collection; absent without that method. */
  readonly interval?: number;
}

/** Agent → worker. */
export type ToWorker =
  | { readonly type: 'call'; readonly call: number; readonly what: Call }
  | { readonly type: 'abort'; readonly call: number }
  | { readonly type: 'forget'; readonly target: number }
  | { readonly type: 'answer'; readonly access: number; readonly outcome: Outcome }
  | { readonly type: 'stream'; readonly stream: number; readonly what: StreamEvent }
  | { readonly type: 'ping' };

/** Worker → agent. */
export type ToAgent =
  | { readonly type: 'ready' }
  | { readonly type: 'result'; readonly call: number; readonly outcome: Outcome }
  | { readonly type: 'access'; readonly access: number; readonly call: number; readonly what: Access }
  | { readonly type: 'stream'; readonly stream: number; readonly what: StreamEvent }
  | {
      readonly type: 'log';
      readonly level: keyof Logger;
      readonly message: string;
      readonly details?: Record<string, unknown>;
    }
  | { readonly type: 'fault'; readonly what: string; readonly error: WireError }
  | { readonly type: 'pong' };

export type Outcome = { readonly value: unknown } | { readonly error: WireError };

/** What comes of some work, as it is sent to the other process. */
export async function outcomeOf(work: () => unknown): Promise<Outcome> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error: toWire(error) };
  }
}

export interface WireError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly hint?: string;
  /** Whether it is a `CollectionError`. */
  readonly blamesTarget: boolean;
}

export function toWire(error: unknown): WireError {
  const { name = 'Error', stack, hint } = (error instanceof Error ? error : {}) as Partial<Error> & { hint?: unknown };
  return {
    name: String(name),
    message: messageOf(error),
    blamesTarget: isCollectionError(error),
    ...(stack === undefined ? {} : { stack: String(stack) }),
    ...(typeof hint === 'string' ? { hint } : {}),
  };
}

export function fromWire({ name, message, stack, hint, blamesTarget }: WireError): Error {
  const error = blamesTarget ? new CollectionError(message) : ownError(name, message, hint);
  if (stack !== undefined) error.stack = stack;
  return error;
}

function ownError(name: string, message: string, hint: string | undefined): Error {
  if (name === 'TallymanError') return new TallymanError(message, hint === undefined ? {} : { hint });
  return Object.defineProperty(new Error(message), 'name', { value: name });
}

/** A client for the REST API, published as `tallyman/client`. Works with any agent that serves cAdvisor's API. */
import { type ClientOptions, Connection } from './http.js';
import { ClientV13, ClientV20, ClientV21 } from './versions.js';

export type { EventClient, EventHistoryQuery, EventSelection } from './events.js';
export { ApiError, type CallOptions, type ClientOptions } from './http.js';
export type * from './types.js';
export type { ClientV13, ClientV20, ClientV21, ContainersQuery, SamplesV1Query } from './versions.js';

/** An agent, by the versions of its API. */
export interface TallymanClient {
  readonly v13: ClientV13;
  readonly v20: ClientV20;
  readonly v21: ClientV21;
}

/**
 * Makes a client. Nothing is sent before the first call.
 * @param url the agent's address, with its URL prefix if it has one: `http://127.0.0.1:8080`
 */
export function createClient(url: string | URL, options: ClientOptions = {}): TallymanClient {
  const connection = new Connection(url, options);
  return { v13: new ClientV13(connection), v20: new ClientV20(connection), v21: new ClientV21(connection) };
}

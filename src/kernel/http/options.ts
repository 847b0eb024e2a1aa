import type { QueryGate } from '../budget/index.js';
import type { WebConfig } from '../config/index.js';
import type { Endpoint, Logger } from '../contracts/index.js';
import type { Mounts } from './routes.js';
import type { SecretPlaces } from './security/secret-file.js';

export interface HttpServerOptions extends Mounts {
  readonly web: WebConfig;
  /** Descriptors of listening sockets; unless empty, they replace `web.listen`. */
  readonly sockets?: readonly number[];
  /** The agent's own routes besides `/healthz`. */
  readonly own?: Endpoint['routes'];
  /** Base folders of the files that `web` names. Default: the root directory. */
  readonly secrets?: SecretPlaces;
  /**
   * Runs a call into a plugin. An error that it throws or rejects with is a fault of the plugin: it is counted, logged
   * once and rethrown. Answers other than 200 are not faults.
   */
  readonly guard: <T>(pluginId: string, what: string, call: () => T) => T;
  /** Refuses expensive requests when the budget is used up. Default: none is refused. */
  readonly queries?: QueryGate;
  readonly logger: Logger;
  /** Logger of the access log. Default: `logger`. */
  readonly accessLogger?: Logger;
}

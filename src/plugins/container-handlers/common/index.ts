export { OnceLogger } from '../../../kernel/contracts/index.js';
export { EngineBase, type OpenConnection } from './engine-base.js';
export {
  connectFailure,
  EngineError,
  GRPC_UNIMPLEMENTED,
  isDenied,
  isOnHost,
  isVisible,
  requireSocket,
  socketAdmission,
} from './engine-error.js';
export { EngineKnowledge, type RunEnd } from './engine-knowledge.js';
export { fileMark } from './files.js';
export * from './grpc-client.js';
export * from './handler.js';
export * from './json.js';
export {
  connectionOptions,
  type DescribeRules,
  type EngineOptions,
  oneOrMore,
  publishingOptions,
  unixEndpoint,
} from './options.js';
export { excludedByName, PollingHandler } from './polling-handler.js';
export * from './publish.js';
export { RefreshQueue } from './refresh-queue.js';
export * as wire from './wire.js';
export { within } from './within.js';

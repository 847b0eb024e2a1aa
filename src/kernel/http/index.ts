export { checkSecretFiles, occupied } from './check-web.js';
export type { HttpServer, HttpServerOptions, WebOptions } from './options.js';
export type { Mounts } from './routes.js';
export {
  digestAuthorization,
  OPEN,
  type OwnCredentials,
  ownCredentials,
  parseDigest,
  readTokens,
  type SecretPlaces,
} from './security/index.js';
export { createHttpServer } from './server.js';
export { HTTP, SOCKETS } from './tokens.js';

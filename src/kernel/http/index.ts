export { checkSecretFiles, portInUse } from './check-web.js';
export type { HttpServer, HttpServerOptions, WebOptions } from './options.js';
export type { Mounts } from './routes.js';
export { type OwnCredentials, ownCredentials, readTokens } from './security/credential-files.js';
export { digestAuthorization, parseDigest } from './security/digest.js';
export { NO_SECURITY } from './security/options.js';
export { isCredential, type SecretPlaces } from './security/secret-file.js';
export { createHttpServer } from './server.js';
export { HTTP, SOCKETS } from './web-service.js';

export { checkSecretFiles, portInUse } from './check-web.js';
export type { HttpServerOptions } from './options.js';
export type { Mounts } from './routes.js';
export { type OwnCredentials, ownCredentials, readTokens } from './security/credential-files.js';
export { digestAuthorization, parseDigest } from './security/digest.js';
export { isCredential, type SecretPlaces } from './security/secret-file.js';
export { HttpServer } from './server.js';
export { HTTP, SOCKETS } from './web-service.js';

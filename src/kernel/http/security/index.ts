export { digestAuthorization, parseDigest } from './digest.js';
export { Gate } from './gate.js';
export { LoginMemory } from './login-memory.js';
export { OPEN, type SecurityOptions } from './options.js';
export { type OwnCredentials, ownCredentials } from './own-credentials.js';
export type { SecretPlaces } from './secret-file.js';
export { TlsMaterial } from './tls.js';
export { readTokens } from './tokens.js';

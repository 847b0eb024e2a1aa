export { Gate } from './gate.js';
export { OPEN, type SecurityOptions } from './options.js';
export type { SecretPlaces } from './secret-file.js';
export { FailureThrottle } from './throttle.js';
export { TlsMaterial } from './tls.js';

export { Diagnostics } from './diagnostics.js';
export { DIAGNOSTICS } from './tokens.js';

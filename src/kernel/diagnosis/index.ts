export { DIAGNOSTICS, Diagnostics } from './diagnostics.js';

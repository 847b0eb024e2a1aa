export {
  type CadvisorFile,
  type CadvisorTarget,
  cadvisorTargets,
  list,
  parseCadvisorFile,
  pollingInterval,
  record,
} from './cadvisor-config.js';
export { parseFloat64 } from './float.js';
export { TargetCache as MadeOnce } from './made-once.js';
export { tlsOptions } from './options.js';
export { TargetPace } from './target-pace.js';
export { TlsMaterial } from './tls-material.js';

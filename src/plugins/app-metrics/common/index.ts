export {
  type CadvisorFile,
  type CadvisorTarget,
  cadvisorTargets,
  list,
  parseCadvisorFile,
  parseFloat64,
  pollingInterval,
  record,
} from './cadvisor-config.js';
export { TargetCache as MadeOnce, TargetPace } from './target-pace.js';
export { TlsMaterial, tlsOptions } from './tls-material.js';

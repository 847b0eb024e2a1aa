export {
  type CadvisorFile,
  type CadvisorTarget,
  cadvisorTargets,
  list,
  parseCadvisorFile,
  pollingInterval,
  record,
} from './cadvisor-config.js';
export { type ConfiguredTarget, configuredTargets } from './configured-targets.js';
export { parseFloat64 } from './float.js';
export { type EndpointOptions, hasOneEndpoint, ONE_ENDPOINT, requestOf, targetShape, tlsOptions } from './options.js';
export { TargetPace } from './target-pace.js';
export { TlsMaterial } from './tls-material.js';

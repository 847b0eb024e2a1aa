export {
  type CadvisorTarget,
  cadvisorTargets,
  list,
  parseCadvisorFile,
  parseFloat64,
  pollingInterval,
  record,
} from './cadvisor-config.js';
export { HttpCollector, tlsOptions } from './http-collector.js';

export { stateDirectory } from './environment.js';
export { ServiceManager } from './service-manager.js';

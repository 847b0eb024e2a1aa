export { stateDirectory } from './environment.js';
export { createServiceManager, type HealthSource, type ServiceManager } from './service-manager.js';

export { createServiceManager, type Pulse, type ServiceManager } from './service-manager.js';

export { createServiceManager, type HealthSource, type ServiceManager } from './service-manager.js';

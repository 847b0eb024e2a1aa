export { type Operations, operationRoutes } from './routes.js';

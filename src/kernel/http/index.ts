export type { Mounts } from './routes.js';
export { createHttpServer, type HttpServer, type HttpServerOptions, type WebOptions } from './server.js';

export { type ListenAddress, parseListenAddress } from './listen.js';
export { createHttpServer, type HttpServer, type HttpServerOptions, type WebOptions } from './server.js';

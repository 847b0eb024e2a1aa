export * from './cadvisor.js';
export * from './connections.js';
export * from './groups.js';
export * from './json.js';
export * from './protobuf.js';
export * from './request-options.js';

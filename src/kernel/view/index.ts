export { servedOperations } from './agent-view.js';
export { ContainerIndex } from './container-index.js';
export { type KernelView, VIEW } from './tokens.js';

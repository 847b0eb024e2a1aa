export { servedOperations } from './agent-view.js';
export { ContainerIndex } from './container-index.js';
export { type KernelView, OWN_OPERATIONS, VIEW } from './tokens.js';

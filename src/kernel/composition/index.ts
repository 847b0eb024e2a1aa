export { COMPOSITION, Composition } from './composition.js';
export { LIFECYCLES, type Lifecycle, Lifecycles } from './lifecycle.js';
export { ListToken, type Module, type Provided, type Registry, Token } from './tokens.js';

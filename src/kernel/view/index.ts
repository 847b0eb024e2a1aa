export { VIEW } from './tokens.js';

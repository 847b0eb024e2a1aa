export { Doctor } from './doctor.js';
export { DOCTOR } from './tokens.js';

export { Doctor } from './doctor.js';

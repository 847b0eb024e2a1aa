export { DOCTOR, Doctor } from './doctor.js';

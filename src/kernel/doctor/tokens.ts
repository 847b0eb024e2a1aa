import { Token } from '../composition/index.js';
import type { Doctor } from './doctor.js';

export const DOCTOR = new Token<Doctor>('doctor');

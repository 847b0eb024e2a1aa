import { Token } from '../composition/index.js';
import type { WebService } from './web-service.js';

export const HTTP = new Token<WebService>('http');
/** Descriptors of listening sockets, used instead of `web.listen`. */
export const SOCKETS = new Token<readonly number[]>('sockets');

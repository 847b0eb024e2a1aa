import { Token } from '../composition/index.js';
import type { RefreshableHost } from '../linux/index.js';

export const HOST = new Token<RefreshableHost>('host');

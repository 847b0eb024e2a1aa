import { Token } from '../composition/index.js';
import type { LiveView } from './agent-view.js';

export const VIEW = new Token<LiveView>('view');

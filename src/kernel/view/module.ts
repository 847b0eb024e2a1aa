import type { Module } from '../composition/index.js';
import { LiveView, PARTS } from './agent-view.js';
import { VIEW } from './tokens.js';

export const viewModule: Module = {
  name: 'view',
  register(registry) {
    registry.provide(VIEW, PARTS, (parts) => new LiveView(parts));
  },
};

import type { PluginContext } from '../contracts/index.js';
import type { PluginRecord } from '../supervision/index.js';
import type { PluginScope } from './scope.js';

export interface InstanceContainer {
  readonly context: PluginContext;
  readonly scope: PluginScope;

  dispose(): Promise<void>;
}

export type CreateInstanceContainer = (record: PluginRecord) => InstanceContainer;

// What the thread of Node's module hooks runs.
import type { InitializeHook, LoadHook } from 'node:module';
import { ModuleCheck } from './module-check.js';

let check = new ModuleCheck(undefined);

export const initialize: InitializeHook<string | undefined> = (exempt) => {
  check = new ModuleCheck(exempt);
};

export const load: LoadHook = (url, context, nextLoad) => {
  check.url(url);
  return nextLoad(url, context);
};

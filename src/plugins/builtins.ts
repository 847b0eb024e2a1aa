import type { Plugin } from '../kernel/contracts/index.js';

/** Built-in plugins by name. Each is imported when the configuration uses it. */
export const builtinPlugins: Readonly<Record<string, () => Promise<Plugin>>> = {};

/** What runs unless the config file says otherwise, in starting order. */
export const defaultPlugins: readonly { readonly use: string }[] = [];

import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ModuleCheck } from './module-hooks.js';
import { untrustedAsRoot } from './trust.js';

/** Synchronous hooks for `import` and `require`, available from Node 22.15. */
type RegisterHooks = (hooks: {
  load: (url: string, context: unknown, nextLoad: (url: string, context: unknown) => unknown) => unknown;
}) => void;

/** Node's hooks are global to the process, so this is too. */
let isGuarded = false;

/**
 * Rejects from now on, when running as root, every imported or required module that other users could change. When they
 * could change the agent's own files, these are exempt: rejecting them would not make the agent safer.
 */
export function guardModules(): void {
  if (isGuarded || process.geteuid?.() !== 0) return;
  isGuarded = true;
  const own = fileURLToPath(import.meta.url);
  const exempt = untrustedAsRoot(own).length > 0 ? `${packageOf(own)}/` : undefined;
  const check = new ModuleCheck(exempt);
  const { registerHooks } = nodeModule as { registerHooks?: RegisterHooks };
  if (registerHooks !== undefined) {
    registerHooks({
      load(url, context, nextLoad) {
        check.url(url);
        return nextLoad(url, context);
      },
    });
    return;
  }
  nodeModule.register(new URL('./module-hooks.js', import.meta.url), { data: exempt });
  guardRequire(check);
}

/** `require` bypasses the hooks of Node 20. */
function guardRequire(check: ModuleCheck): void {
  const { extensions } = nodeModule.createRequire(import.meta.url);
  for (const [extension, load] of Object.entries(extensions)) {
    extensions[extension] = (module, file) => {
      check.file(file);
      return load?.(module, file);
    };
  }
}

function packageOf(file: string): string {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
  }
  return dirname(file);
}

import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ModuleCheck } from './module-check.js';
import { distrustAsRoot } from './trust.js';

/** Hooks in the thread that loads, for `import` and `require` alike; Node has them from 22.15 on. */
type RegisterHooks = (hooks: {
  load: (url: string, context: unknown, nextLoad: (url: string, context: unknown) => unknown) => unknown;
}) => void;

/** Node's hooks are the process's, and so is this. */
let isGuarded = false;

/**
 * From now on refuses, when running as root, every module that others could change, whatever imports or requires it. An
 * agent whose own files others could change is not safer for refusing them: then these are left out.
 */
export function guardModules(): void {
  if (isGuarded || process.geteuid?.() !== 0) return;
  isGuarded = true;
  const own = fileURLToPath(import.meta.url);
  const exempt = distrustAsRoot(own).length > 0 ? `${packageOf(own)}/` : undefined;
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

/** What is required by CommonJS passes by the hooks of Node 20. */
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

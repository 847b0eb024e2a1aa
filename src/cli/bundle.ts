import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

const FILE = fileURLToPath(new URL('../bundle/agent.cjs', import.meta.url));
/** What V8 made of the bundle when it was built. V8 does not use it when another Node runs. */
const CACHE = fileURLToPath(new URL('../bundle/agent.cache', import.meta.url));

type Program = typeof import('./program.js');
type Evaluate = (
  exports: object,
  require: NodeJS.Require,
  module: { exports: object },
  importModule: (specifier: string) => Promise<unknown>,
  distUrl: URL,
) => void;

/**
 * Loads the program and its packages from one file, which the build makes of them: a thousand small files take longer to
 * load than the agent needs for all the rest of its start.
 * @returns undefined when there is none
 */
export function loadBundle(): { readonly program: Program; readonly script: Script } | undefined {
  if (!existsSync(FILE)) return undefined;
  // The file is ASCII: this way the text is held once, and outside V8's heap.
  const script = new Script(readFileSync(FILE, 'latin1'), {
    filename: FILE,
    ...(existsSync(CACHE) && { cachedData: readFileSync(CACHE) }),
  });
  const module = { exports: {} };
  const evaluate = script.runInThisContext() as Evaluate;
  const importModule = (specifier: string) => import(specifier);
  evaluate(module.exports, createRequire(FILE), module, importModule, new URL('..', import.meta.url));
  return { program: module.exports as Program, script };
}

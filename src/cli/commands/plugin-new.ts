import { relative, resolve } from 'node:path';
import type { PluginKind } from '../../kernel/contracts/index.js';
import { builtinPlugins } from '../../plugins/builtins.js';
import type { CliEnvironment } from '../environment.js';
import { EXIT } from '../exit.js';
import { checkName, packageFiles, writeNew } from '../plugin/scaffold.js';
import { packageFolder } from '../version.js';

/** `tallyman plugin new`: writes a package that builds, passes its tests and runs. @throws TallymanError */
export function newPlugin(
  kind: PluginKind,
  name: string,
  { dir = name }: { dir?: string },
  cli: CliEnvironment,
): number {
  checkName(name, Object.keys(builtinPlugins));
  const here = cli.workingDirectory ?? process.cwd();
  const folder = resolve(here, dir);
  const files = packageFiles(kind, name);
  writeNew(folder, files);
  const shown = relative(here, folder) || '.';
  cli.out(`${shown} is a plugin of kind ${kind}:\n`);
  for (const path of files.keys()) cli.out(`  ${path}\n`);
  // From where this Tallyman is installed: a registry may not have it, or something else of that name.
  const install = `npm install --install-links --save-dev ${packageFolder()}`;
  cli.out(`\nNext: cd ${shown} && ${install} && npm test\n`);
  return EXIT.ok;
}

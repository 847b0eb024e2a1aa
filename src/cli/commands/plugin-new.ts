import { relative, resolve } from 'node:path';
import type { PluginKind } from '../../kernel/contracts/index.js';
import { builtinPlugins } from '../../plugins/builtins.js';
import type { CliEnvironment } from '../environment.js';
import { checkName, packageFiles, writeNew } from '../plugin/scaffold.js';
import { packageFolder } from '../version.js';

/** `tallyman plugin new`: creates a package with a working plugin and its tests. @throws TallymanError */
export async function newPlugin(
  cli: CliEnvironment,
  { dir }: { dir?: string },
  kind: PluginKind,
  name: string,
): Promise<void> {
  checkName(name, Object.keys(builtinPlugins));
  const here = cli.workingDirectory ?? process.cwd();
  const folder = resolve(here, dir ?? name);
  const files = packageFiles(kind, name);
  writeNew(folder, files);
  const shown = relative(here, folder) || '.';
  cli.out(`${shown} is a plugin of kind ${kind}:\n`);
  for (const path of files.keys()) cli.out(`  ${path}\n`);
  // From the folder of this installation: a registry may lack the package, or have another one with that name.
  const install = `npm install --install-links --save-dev ${packageFolder()}`;
  cli.out(`\nNext: cd ${shown} && ${install} && npm test\n`);
}

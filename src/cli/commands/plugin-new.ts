import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { codeOf, type PluginKind, TallymanError } from '../../kernel/contracts/index.js';
import { builtinPlugins } from '../../plugins/builtins.js';
import type { CliEnvironment } from '../environment.js';
import { agentVersion, ownManifest, packageFolder } from '../version.js';

/** Name of the plugins in the templates. */
const TEMPLATE_NAME = 'template-name';
const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const MAX_NAME_LENGTH = 60;

/** Names with another meaning for npm or Node. */
const RESERVED = new Set(['tallyman', 'node-modules', 'favicon', TEMPLATE_NAME]);

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

/**
 * Checks the name of a new plugin.
 * @param builtins names of built-in plugins
 * @throws TallymanError
 */
export function checkName(name: string, builtins: readonly string[]): void {
  const refuse = (why: string) => {
    throw new TallymanError(`${JSON.stringify(name)} cannot be the name of a plugin: ${why}`, {
      hint: 'use lower-case letters, digits and single dashes, beginning with a letter: nginx-status',
    });
  };
  if (!NAME.test(name)) refuse('it is invalid');
  if (name.length > MAX_NAME_LENGTH) refuse(`it is longer than ${MAX_NAME_LENGTH} characters`);
  if (RESERVED.has(name)) refuse('it is reserved');
  if (builtins.includes(name)) refuse('a built-in plugin has it');
}

/** The files of a new plugin's package, path → content. */
export function packageFiles(kind: PluginKind, name: string): Map<string, string> {
  const files = new Map<string, string>([['package.json', manifestOf(kind, name)]]);
  for (const folder of ['common', kind]) {
    const templates = join(packageFolder(), 'dist/cli/plugin/templates', folder);
    for (const path of filesBelow(templates)) {
      // npm does not pack files named .gitignore.
      const target = path === 'gitignore' ? '.gitignore' : path;
      files.set(target, renamed(readFileSync(join(templates, path), 'utf8'), name));
    }
  }
  return new Map([...files].sort(([a], [b]) => a.localeCompare(b, 'en')));
}

function filesBelow(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1));
}

/** Where dashes are not allowed, such as in metrics, the name has underscores. */
function renamed(text: string, name: string): string {
  return text.replaceAll(TEMPLATE_NAME, name).replaceAll(TEMPLATE_NAME.replace('-', '_'), name.replaceAll('-', '_'));
}

/** The development dependencies are those with which the templates are tested. */
function manifestOf(kind: PluginKind, name: string): string {
  const { engines, devDependencies } = ownManifest();
  const manifest = {
    name,
    version: '0.1.0',
    description: `A Tallyman plugin (${kind}).`,
    keywords: ['tallyman', 'tallyman-plugin'],
    type: 'module',
    engines,
    exports: { types: './dist/index.d.ts', default: './dist/index.js' },
    files: ['dist', '!dist/*.test.*', 'tallyman.yaml'],
    scripts: {
      build: 'tsc',
      check: 'tallyman plugin test .',
      test: 'tsc && node --test dist/index.test.js && npm run check',
    },
    peerDependencies: { tallyman: `>=${agentVersion()}` },
    devDependencies: {
      '@types/node': devDependencies['@types/node'],
      typescript: devDependencies.typescript,
    },
  };
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

/**
 * Writes files into a folder that must be new or empty.
 * @throws TallymanError when it is neither, or cannot be written
 */
export function writeNew(folder: string, files: ReadonlyMap<string, string>): void {
  try {
    mkdirSync(folder, { recursive: true });
    const there = readdirSync(folder);
    if (there.length > 0) {
      const some = there.length > 3 ? [...there.slice(0, 3), '…'] : there;
      throw new TallymanError(`${folder} is not empty (${some.join(', ')}): nothing was written`, {
        hint: 'choose another name, or another folder with --dir',
      });
    }
    for (const [path, content] of files) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content, { flag: 'wx' });
    }
  } catch (error) {
    if (error instanceof TallymanError) throw error;
    throw new TallymanError(`${folder} cannot be written: ${codeOf(error) ?? String(error)}`, { cause: error });
  }
}

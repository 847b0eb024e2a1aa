import { lstatSync, type Stats, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { cosmiconfigSync } from 'cosmiconfig';
import { codeOf, messageOf, TallymanError } from '../contracts/index.js';
import { ConfigError, type ConfigProblem } from './problems.js';
import { distrustAsRoot } from './trust.js';

/** Names of a config file in the working directory; the first that exists is taken. */
const WORKING_DIRECTORY_NAMES = [
  'tallyman.config.yaml',
  'tallyman.config.yml',
  'tallyman.config.json',
  '.tallymanrc',
  '.tallymanrc.yaml',
  '.tallymanrc.yml',
  '.tallymanrc.json',
] as const;

/** Where a config file is looked for after the working directory. */
export const SYSTEM_DIRECTORY = '/etc/tallyman';

/** Names of a config file there. */
export const SYSTEM_NAMES = [
  'config.yaml',
  'config.yml',
  'config.json',
  'tallyman.yaml',
  'tallyman.yml',
  'tallyman.json',
] as const;

const MAX_BYTES = 4 * 2 ** 20;

export interface FoundFile {
  readonly file: string;
  readonly text: string;
}

export interface Search {
  /** The file that `--config` or `TALLYMAN_CONFIG` names, and which of them did. */
  readonly named?: { readonly file: string; readonly source: string };
  readonly workingDirectory: string;
  readonly systemDirectory: string;
}

/**
 * Reads the config file: the named one, else the first in the working directory, else the first in the system's.
 * @returns `undefined` when none is named and none exists
 * @throws ConfigError when it cannot be read or, as root, not be trusted
 */
export function findConfig(search: Search): FoundFile | undefined {
  const { named } = search;
  if (named !== undefined) {
    const file = resolve(search.workingDirectory, named.file);
    assertUsable(file, named.source, true);
    return read(file, () => createExplorer([]).load(file));
  }
  const directories = [
    { directory: resolve(search.workingDirectory), names: WORKING_DIRECTORY_NAMES },
    { directory: resolve(search.systemDirectory), names: SYSTEM_NAMES },
  ];
  for (const { directory, names } of directories) {
    // Judged before it is opened; cosmiconfig would read anything, and skip in silence what it may not read.
    const file = names.map((name) => join(directory, name)).find((place) => exists(place));
    if (file === undefined) continue;
    assertUsable(file, file, false);
    return read(file, () => createExplorer(names).search(directory));
  }
  return undefined;
}

/** What loaders hand through: the text, which is parsed with positions later. */
interface RawConfig {
  readonly text: string;
}

function createExplorer(names: readonly string[]) {
  const readText = (_file: string, text: string): RawConfig => ({ text });
  const refuse = (file: string) => {
    throw new TallymanError(`${file} is a program, which is not executed; write the configuration as YAML or JSON`);
  };
  const create = () =>
    cosmiconfigSync('tallyman', {
      searchPlaces: [...names],
      searchStrategy: 'none',
      ignoreEmptySearchPlaces: false,
      cache: false,
      loaders: {
        '.js': refuse,
        '.cjs': refuse,
        '.mjs': refuse,
        '.ts': refuse,
        '.json': readText,
        '.yaml': readText,
        '.yml': readText,
        noExt: readText,
        default: readText,
      },
    });
  return fromBarrenDirectory(create);
}

/**
 * Runs `action` in a directory where nobody can put a file. cosmiconfig executes `.config/config.{js,cjs,…}` and obeys
 * `package.json` of the working directory whenever it is called, whatever its options say.
 */
function fromBarrenDirectory<T>(action: () => T): T {
  let before: string | undefined;
  try {
    before = process.cwd();
  } catch {
    // The working directory was removed: there is nothing to go back to.
  }
  process.chdir('/proc/self');
  try {
    return action();
  } finally {
    goBack(before);
  }
}

/** Enters `directory` again, or `/` when that is not possible: it is gone, or was entered by a user with more rights. */
function goBack(directory: string | undefined): void {
  try {
    process.chdir(directory ?? '/');
  } catch {
    process.chdir('/');
  }
}

function exists(place: string): boolean {
  try {
    lstatSync(place);
    return true;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw new ConfigError([
      {
        source: place,
        path: '',
        message: `cannot be looked for (${messageOf(error)}); name a file by --config, or start in another directory`,
      },
    ]);
  }
}

/** Refuses what is not a readable file and, as root, what others can change. */
function assertUsable(file: string, source: string, isNamed: boolean): void {
  const refuse = (message: string) => new ConfigError([{ source, path: '', message }]);
  const prefix = source === file ? '' : `${file} `;
  let stats: Stats;
  try {
    stats = statSync(file);
  } catch (error) {
    const isMissing = codeOf(error) === 'ENOENT';
    throw refuse(isMissing ? `${prefix}does not exist` : `${prefix}cannot be read: ${messageOf(error)}`);
  }
  const isPipe = isNamed && stats.isFIFO();
  if (!stats.isFile() && !isPipe) throw refuse(`${prefix}is not a regular file`);
  if (stats.size > MAX_BYTES) throw refuse(`${prefix}is larger than 4 MiB, which no config file is`);
  let problems: ConfigProblem[] = [];
  try {
    problems = distrustAsRoot(file).map(({ path, reason, fix }) => ({
      source: path,
      path: '',
      message: `config file refused: running as root, and ${reason}`,
      hint: fix,
    }));
  } catch (error) {
    // An anonymous pipe (`--config <(…)`) has no place in the file system that others could write to.
    if (!(isPipe && codeOf(error) === 'ENOENT')) throw refuse(`${prefix}cannot be checked: ${messageOf(error)}`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
}

function read(file: string, load: () => { config?: unknown } | null): FoundFile {
  try {
    const { config } = load() ?? {};
    return { file, text: (config as RawConfig | undefined)?.text ?? '' };
  } catch (error) {
    const message = error instanceof TallymanError ? error.message : `cannot be read: ${messageOf(error)}`;
    throw new ConfigError([{ source: file, path: '', message: message.replace(`${file} `, '') }]);
  }
}

import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { cosmiconfigSync } from 'cosmiconfig';
import { codeOf, messageOf } from '../contracts/index.js';
import { ConfigError, type ConfigProblem } from './problems.js';
import { untrustedAsRoot } from './trust.js';

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
const TOO_LARGE = 'is larger than 4 MiB, which no config file is';
const CHUNK_BYTES = 64 * 1024;
/** Time limit for reading from a pipe (`--config <(…)`). */
const READ_LIMIT_MS = 5_000;
const PAUSE_MS = 10;
const PROGRAM = /\.(js|cjs|mjs|ts)$/;
/** File types with a loader of our own; cosmiconfig would execute the others. */
const LOADED_EXTENSIONS = ['.js', '.cjs', '.mjs', '.ts', '.json', '.yaml', '.yml', 'noExt', 'default'];

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
    // cosmiconfig would skip a file that may not be read.
    const file = names.map((name) => join(directory, name)).find((place) => exists(place));
    if (file === undefined) continue;
    assertUsable(file, file, false);
    return read(file, () => createExplorer(names).search(directory));
  }
  return undefined;
}

/** Loads the text only: it is parsed with positions later, and programs are never executed. */
function createExplorer(names: readonly string[]) {
  const readText = (_file: string, text: string) => ({ text });
  return withSafeCwd(() =>
    cosmiconfigSync('tallyman', {
      searchPlaces: [...names],
      searchStrategy: 'none',
      ignoreEmptySearchPlaces: false,
      cache: false,
      loaders: Object.fromEntries(LOADED_EXTENSIONS.map((extension) => [extension, readText])),
    }),
  );
}

/**
 * Runs `action` in a directory where no user can create files. Whatever its options, cosmiconfig executes
 * `.config/config.{js,cjs,…}` and reads `package.json` of the working directory at every call.
 */
function withSafeCwd<T>(action: () => T): T {
  let before = '/';
  try {
    before = process.cwd();
  } catch {
    // The working directory was removed.
  }
  process.chdir('/proc/self');
  try {
    return action();
  } finally {
    try {
      process.chdir(before);
    } catch {
      // It is gone, or was entered by a user with more rights.
      process.chdir('/');
    }
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
  if (stats.size > MAX_BYTES) throw refuse(`${prefix}${TOO_LARGE}`);
  let problems: ConfigProblem[] = [];
  try {
    problems = untrustedAsRoot(file).map(({ path, reason, fix }) => ({
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

/**
 * Reads a file that may be a pipe, or one that never ends (`/proc/kmsg`), within bounds of time and size.
 * @param load reads it by cosmiconfig, which would block forever on such a file
 */
function read(file: string, load: () => { config?: unknown } | null): FoundFile {
  const refuse = (message: string) => new ConfigError([{ source: file, path: '', message }]);
  if (PROGRAM.test(file)) throw refuse('is a program, which is not executed; write the configuration as YAML or JSON');
  try {
    const bytes = readWithinLimits(file);
    if (typeof bytes === 'string') throw refuse(bytes);
    if (statSync(file).isFIFO()) return { file, text: bytes.toString('utf8') };
    return { file, text: (load()?.config as { text: string } | undefined)?.text ?? '' };
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw refuse(`cannot be read: ${messageOf(error)}`);
  }
}

/** @returns what the file holds, or what is wrong with it */
function readWithinLimits(file: string): Buffer | string {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const isPipe = fstatSync(descriptor).isFIFO();
    const end = performance.now() + READ_LIMIT_MS;
    const chunks: Buffer[] = [];
    const pause = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    for (let size = 0; ; ) {
      const chunk = readNow(descriptor);
      // A pipe without a writer yet reads like one at its end.
      if (chunk?.length === 0 && !(isPipe && size === 0)) return Buffer.concat(chunks);
      size += chunk?.length ?? 0;
      if (size > MAX_BYTES) return TOO_LARGE;
      if (performance.now() > end)
        return `gave no end of its text within ${READ_LIMIT_MS / 1000} s; is it a config file?`;
      if (chunk === undefined || chunk.length === 0) Atomics.wait(pause, 0, 0, PAUSE_MS);
      else chunks.push(chunk);
    }
  } finally {
    closeSync(descriptor);
  }
}

/** @returns what can be read without waiting: nothing at the end, `undefined` when more may come */
function readNow(descriptor: number): Buffer | undefined {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  try {
    return chunk.subarray(0, readSync(descriptor, chunk));
  } catch (error) {
    if (codeOf(error) === 'EAGAIN') return undefined;
    throw error;
  }
}

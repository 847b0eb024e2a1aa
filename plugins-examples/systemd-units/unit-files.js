import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unitName, withSpecifiers } from './unit-name.js';

/**
 * What a unit's files say that it is; undefined when it has none, or none says so. Not asking systemd itself (over
 * D-Bus) keeps this working on a host whose root directory is mounted into the agent's container.
 * @param {string} unit
 * @param {readonly string[]} directories the one that counts most first
 * @returns {Promise<string | undefined>}
 */
export async function describeUnit(unit, directories) {
  const name = unitName(unit);
  const names = name.template === undefined ? [unit] : [unit, name.template];
  let description = descriptionIn(await firstFile(names, directories));
  for (const text of await dropIns(names, directories)) description = descriptionIn(text) ?? description;
  return description === undefined || description === '' ? undefined : withSpecifiers(description, name);
}

/**
 * @param {readonly string[]} names
 * @param {readonly string[]} directories
 */
async function firstFile(names, directories) {
  for (const name of names) {
    for (const directory of directories) {
      const text = await textOf(join(directory, name));
      if (text !== undefined) return text;
    }
  }
  return '';
}

/**
 * Files such as `nginx.service.d/override.conf`, in the order of their names; of equal names the first directory's.
 * @param {readonly string[]} names
 * @param {readonly string[]} directories
 */
async function dropIns(names, directories) {
  /** @type {Map<string, string>} */
  const files = new Map();
  for (const directory of directories.flatMap((each) => names.map((name) => join(each, `${name}.d`)))) {
    const found = await readdir(directory).catch(() => []);
    for (const file of found) if (file.endsWith('.conf') && !files.has(file)) files.set(file, join(directory, file));
  }
  const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
  const texts = await Promise.all(sorted.map(([, path]) => textOf(path)));
  return texts.filter((text) => text !== undefined);
}

/**
 * @param {string} path
 * @returns {Promise<string | undefined>} undefined when there is none
 */
async function textOf(path) {
  return readFile(path, 'utf8').catch(() => undefined);
}

/**
 * The last `Description=` of the section `[Unit]`.
 * @param {string} text
 */
function descriptionIn(text) {
  let section = '';
  let found;
  for (const line of text.replace(/[ \t]*\\\r?\n[ \t]*/g, ' ').split(/\r?\n/)) {
    section = /^\s*\[(.*)\]\s*$/.exec(line)?.[1] ?? section;
    const value = /^\s*Description\s*=(.*)$/.exec(line)?.[1];
    if (section === 'Unit' && value !== undefined) found = value.trim();
  }
  return found;
}

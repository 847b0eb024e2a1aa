import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * What the first file of a unit says that it is; undefined when it has none, or it does not say so.
 * @param {string} unit
 * @param {readonly string[]} directories the one that counts most first
 * @returns {Promise<string | undefined>}
 */
export async function describeUnit(unit, directories) {
  // `shop@eu.service` is made from `shop@.service`.
  const template = unit.replace(/@.*(?=\.)/, '@');
  for (const name of new Set([unit, template])) {
    for (const directory of directories) {
      const text = await readFile(join(directory, name), 'utf8').catch(() => undefined);
      if (text !== undefined) return /^Description=(.+)$/m.exec(text)?.[1]?.trim();
    }
  }
  return undefined;
}

const { readFile, stat } = require('node:fs/promises');
const { CollectionError } = require('tallyman/plugin');

/**
 * Where a password is; both absent: there is none.
 * @typedef {object} PasswordPlace
 * @property {string | undefined} passwordFile
 * @property {string | undefined} passwordEnv
 */

/**
 * Reads the password anew for each collection, so that it can be changed without a restart.
 * @param {PasswordPlace} place
 * @returns {Promise<string | undefined>}
 * @throws {CollectionError} naming the place, never the password
 */
async function readPassword({ passwordFile, passwordEnv }) {
  if (passwordEnv !== undefined) {
    const password = process.env[passwordEnv];
    if (password === undefined || password === '') {
      throw new CollectionError(`passwordEnv: the agent has no environment variable ${passwordEnv}`);
    }
    return password;
  }
  if (passwordFile === undefined) return undefined;
  try {
    const { mode } = await stat(passwordFile);
    if ((mode & 0o007) !== 0) {
      throw new CollectionError(`passwordFile: everybody may read ${passwordFile}: chmod o= ${passwordFile}`);
    }
    return (await readFile(passwordFile, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    if (error instanceof CollectionError) throw error;
    throw new CollectionError(`passwordFile: ${/** @type {Error} */ (error).message}`, { cause: error });
  }
}

module.exports = { readPassword };

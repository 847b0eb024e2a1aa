/**
 * The name of a unit, taken apart.
 * @typedef {object} UnitName
 * @property {string} full `postgresql@14-main.service`
 * @property {string} stem without what follows the last dot: `postgresql@14-main`
 * @property {string} prefix before the `@`: `postgresql`
 * @property {string} instance after it: `14-main`; empty for a unit that is no instance of a template
 * @property {string | undefined} template the unit's template: `postgresql@.service`
 */

/**
 * @param {string} full
 * @returns {UnitName}
 */
export function unitName(full) {
  const dot = full.lastIndexOf('.');
  const stem = full.slice(0, dot);
  const at = stem.indexOf('@');
  const prefix = at < 0 ? stem : stem.slice(0, at);
  const instance = at < 0 ? '' : stem.slice(at + 1);
  return { full, stem, prefix, instance, template: at < 0 ? undefined : `${prefix}@${full.slice(dot)}` };
}

/**
 * The unit that a cgroup belongs to, when it is one that the system's own systemd has made: below slices only. A systemd
 * in a container, or of a user, has units of its own, which have other files.
 * @param {string} path
 * @returns {string | undefined}
 */
export function unitOf(path) {
  const names = path.split('/').slice(1);
  const unit = names.pop() ?? '';
  if (names.some((name) => !name.endsWith('.slice')) || !/^[^.].*\.[a-z]+$/.test(unit)) return undefined;
  // systemd puts it in front of names that the kernel's own files could have.
  return unit.replace(/^_/, '');
}

/**
 * Fills the specifiers of a description in: `PostgreSQL cluster %i`. Those that are not about the name stay.
 * @param {string} text
 * @param {UnitName} name
 */
export function withSpecifiers(text, { full, stem, prefix, instance }) {
  /** @type {Readonly<Record<string, string>>} */
  const values = { n: full, N: stem, p: prefix, P: unescaped(prefix), i: instance, I: unescaped(instance), '%': '%' };
  return text.replace(/%([nNpPiI%])/g, (_all, letter) => values[letter]);
}

/**
 * A name as it was before systemd made it fit for a unit: `-` was `/`, and `\x2d` was `-`.
 * @param {string} text
 */
function unescaped(text) {
  const bytes = text
    .replaceAll('-', '/')
    .replace(/\\x([0-9a-f]{2})/g, (_all, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

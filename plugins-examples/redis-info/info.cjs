const { CollectionError } = require('tallyman/plugin');
const { DATABASE_FIELDS, FIELDS, INSTANCE } = require('./fields.cjs');

/** What is said in words. */
const WORDS = new Map([
  ['ok', 1n],
  ['up', 1n],
  ['err', 0n],
  ['down', 0n],
]);

/**
 * Makes metrics of the answer to INFO.
 * @param {string} text
 * @returns {{
 *   specs: import('tallyman/plugin').AppMetricSpec[],
 *   samples: import('tallyman/plugin').AppMetricSample[],
 *   problems: string[],
 * }}
 */
function metricsOf(text) {
  const lines = linesOf(text);
  // Valkey names both: the other is the Redis that it is compatible with.
  const version = lines.get('valkey_version') ?? lines.get('redis_version');
  if (version === undefined) {
    const begin = JSON.stringify(text.slice(0, 60));
    throw new CollectionError(`the answer to INFO names no redis_version, it begins with ${begin}`);
  }
  /** @type {ReturnType<typeof metricsOf>} */
  const found = { specs: [INSTANCE], samples: [], problems: [] };
  const labels = { version, role: lines.get('role') ?? '' };
  found.samples.push({ name: INSTANCE.name, labels, value: 1n });
  for (const { line, spec } of FIELDS) {
    const value = lines.get(line);
    if (value === undefined) continue;
    found.specs.push(spec);
    add(found, line, spec, value);
  }
  addDatabases(found, lines);
  return found;
}

/**
 * @param {string} text
 * @returns {Map<string, string>} by what stands before the colon
 */
function linesOf(text) {
  const lines = new Map();
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) lines.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return lines;
}

/**
 * @param {ReturnType<typeof metricsOf>} found
 * @param {ReadonlyMap<string, string>} lines
 */
function addDatabases(found, lines) {
  found.specs.push(...DATABASE_FIELDS.map(({ spec }) => spec));
  for (const [db, text] of lines) {
    if (!/^db\d+$/.test(db)) continue;
    const members = new Map(text.split(',').map((pair) => /** @type {[string, string]} */ (pair.split('=', 2))));
    for (const { line, spec } of DATABASE_FIELDS) add(found, `${db}: ${line}`, spec, members.get(line) ?? '', { db });
  }
}

/**
 * @param {ReturnType<typeof metricsOf>} found
 * @param {string} place
 * @param {import('tallyman/plugin').AppMetricSpec} spec
 * @param {string} text
 * @param {Readonly<Record<string, string>>} [labels]
 */
function add(found, place, { name, format }, text, labels) {
  const value = numberOf(text, format);
  if (value === undefined) found.problems.push(`INFO: ${place} is ${JSON.stringify(text.slice(0, 40))}, not a number`);
  else found.samples.push({ name, value, ...(labels === undefined ? {} : { labels }) });
}

/**
 * @param {string} text
 * @param {'int' | 'float'} format
 */
function numberOf(text, format) {
  if (format === 'int') return /^-?\d{1,19}$/.test(text) ? BigInt(text) : WORDS.get(text);
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

module.exports = { metricsOf };

import { placesAt } from './path.js';

/** JSON numbers, also when the document has them as text. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * What a document gives for some mappings.
 * @typedef {object} Extract
 * @property {import('tallyman/plugin').AppMetricSample[]} samples
 * @property {string[]} problems what could not be given; the same text for as long as the same thing is wrong
 * @property {number} dropped series beyond the limit
 */

/**
 * @param {unknown} document
 * @param {readonly import('./mapping.js').Mapping[]} mappings
 * @param {number} limit series at most
 * @returns {Extract}
 */
export function extract(document, mappings, limit) {
  /** @type {Extract} */
  const found = { samples: [], problems: [], dropped: 0 };
  for (const mapping of mappings) {
    const wrong = extractOne({ key: '', value: document }, mapping, limit, found);
    for (const reason of new Set(wrong)) found.problems.push(`metric ${mapping.name}: ${reason}`);
  }
  return found;
}

/**
 * Adds the series of one mapping.
 * @param {import('./path.js').Place} document
 * @param {import('./mapping.js').Mapping} mapping
 * @param {number} limit
 * @param {Extract} found
 * @returns {string[]} what is wrong with some of them
 */
function extractOne(document, { name, each, value, labels, words }, limit, found) {
  const places = each === undefined ? [document] : placesAt(document, each, limit);
  if (places.length === 0) return [`the document has nothing at ${each?.text}`];
  const wrong = places.length > limit ? [`${each?.text} leads to more than ${limit} places: the rest is left out`] : [];
  for (const place of places.slice(0, limit)) {
    const [there] = placesAt(place, value, 1);
    const number = numberOf(there?.value, words);
    if (typeof number === 'string')
      wrong.push(`${value.text}${each === undefined ? '' : ` of ${each.text}`} is ${number}`);
    else if (number === undefined) continue;
    else if (found.samples.length >= limit) found.dropped++;
    else {
      const own = labelsOf(place, labels);
      found.samples.push({ name, value: number, ...(own === undefined ? {} : { labels: own }) });
    }
  }
  return wrong;
}

/**
 * The number that a value stands for.
 * @param {unknown} value
 * @param {Readonly<Record<string, number>>} words
 * @returns {number | string | undefined} undefined for null: there is none now; text: why it is no number
 */
function numberOf(value, words) {
  switch (typeof value) {
    case 'number':
      return value;
    case 'boolean':
      return value ? 1 : 0;
    case 'string':
      if (Object.hasOwn(words, value)) return words[value];
      return NUMBER.test(value) ? Number(value) : 'a text that is no number and not among `words`';
    case 'undefined':
      return 'missing';
    default:
      return value === null ? undefined : `${Array.isArray(value) ? 'a list' : 'an object'}, not a number`;
  }
}

/**
 * The labels of a series; undefined when there are to be none.
 * @param {import('./path.js').Place} place
 * @param {import('./mapping.js').Mapping['labels']} sources
 */
function labelsOf(place, sources) {
  const entries = Object.entries(sources);
  if (entries.length === 0) return undefined;
  return Object.fromEntries(entries.map(([label, source]) => [label, labelOf(place, source)]));
}

/**
 * @param {import('./path.js').Place} place
 * @param {import('./mapping.js').Mapping['labels'][string]} source
 */
function labelOf(place, source) {
  if (source === '@key') return place.key;
  const value = placesAt(place, source, 1)[0]?.value;
  return ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : '';
}

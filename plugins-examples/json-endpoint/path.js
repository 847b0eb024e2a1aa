/**
 * A path into a JSON document, such as `queues[*].depth`: names with dots between them, `['any name']`, `[0]` (from the
 * end: `[-1]`), and `*` or `[*]` for everything. `$` in front may be left out; `$` alone is the document itself.
 * @typedef {object} JsonPath
 * @property {string} text as it was written
 * @property {readonly Step[]} steps
 * @property {boolean} isSingle whether it names one place at most
 */

/** @typedef {{ readonly key: string } | { readonly index: number } | 'all'} Step */

/**
 * A value in a document.
 * @typedef {object} Place
 * @property {string} key name or index under which its parent has it; empty for the document
 * @property {unknown} value
 */

const STEP = /\.?\*|\[\*\]|\.?([A-Za-z_][\w-]*)|\[(-?\d+)\]|\[(?:'([^']*)'|"([^"]*)")\]/y;

/**
 * @param {string} text
 * @returns {JsonPath}
 * @throws {Error} saying at which character it is wrong
 */
export function parsePath(text) {
  /** @type {Step[]} */
  const steps = [];
  let at = text.startsWith('$') ? 1 : 0;
  while (at < text.length) {
    STEP.lastIndex = at;
    const found = STEP.exec(text);
    const needsDot = at > 0 && text[at] !== '.' && text[at] !== '[';
    if (found === null || needsDot || (at === 0 && text[0] === '.')) {
      throw new Error(
        `not a path at ${JSON.stringify(text.slice(at, at + 20))}: expected names such as a.b, [0] or [*]`,
      );
    }
    const [, name, index, single, double] = found;
    const key = name ?? single ?? double;
    if (key !== undefined) steps.push({ key });
    else steps.push(index === undefined ? 'all' : { index: Number(index) });
    at = STEP.lastIndex;
  }
  if (text === '') throw new Error('an empty path; $ is the document itself');
  return { text, steps, isSingle: !steps.includes('all') };
}

/**
 * What a path leads to.
 * @param {Place} from
 * @param {JsonPath} path
 * @param {number} most places to find at most; one more says that there are more
 * @returns {readonly Place[]}
 */
export function placesAt(from, { steps }, most) {
  /** @type {Place[]} */
  let places = [from];
  for (const step of steps) {
    const next = [];
    for (const place of places) {
      for (const found of stepsFrom(place.value, step)) {
        if (next.push(found) > most) break;
      }
      if (next.length > most) break;
    }
    places = next;
  }
  return places;
}

/**
 * @param {unknown} value
 * @param {Step} step
 * @returns {Iterable<Place>}
 */
function* stepsFrom(value, step) {
  if (typeof value !== 'object' || value === null) return;
  if (step === 'all') {
    for (const key in value) yield { key, value: memberOf(value, key) };
    return;
  }
  const key =
    'key' in step ? step.key : String(step.index < 0 && Array.isArray(value) ? value.length + step.index : step.index);
  // `length` of a list is no member that the document has.
  if (Array.isArray(value) && 'key' in step) return;
  if (Object.hasOwn(value, key)) yield { key, value: memberOf(value, key) };
}

/**
 * @param {object} value
 * @param {string} key
 * @returns {unknown}
 */
function memberOf(value, key) {
  return /** @type {Record<string, unknown>} */ (value)[key];
}

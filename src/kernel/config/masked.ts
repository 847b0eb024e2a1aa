import { isMapping, type JsonSchema, schemaAt } from './json-schema.js';

const MASK = '(secret)';
/** The format of options that `secret()` makes. */
const SECRET_FORMAT = 'password';
/** Names of options and headers whose values are always masked. */
const SECRET_NAME =
  /(pass(word|wd|phrase)?|secret|token|api[-_]?key|private[-_]?key|authorization|cookie|credentials?)$/i;
const HEADERS_NAME = /headers$/i;

/** Copies options for display. Masks values that the schema marks as secret, or whose name or URL suggests a secret. */
export function masked(value: unknown, schema: JsonSchema | undefined, name = ''): unknown {
  if (schema?.format === SECRET_FORMAT || SECRET_NAME.test(name) || HEADERS_NAME.test(name)) return maskedAll(value);
  if (typeof value === 'string') return withoutUserInfo(value);
  if (Array.isArray(value)) return value.map((item) => masked(item, schema?.items));
  if (!isMapping(value)) return value;
  const below = (key: string) => (schema === undefined ? undefined : schemaAt(schema, [key]));
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, masked(member, below(key), key)]));
}

/** `https://ann:word@host/?token=x` → `https://(secret)@host/?token=(secret)` */
function withoutUserInfo(text: string): string {
  return text
    .replaceAll(/([a-z][a-z\d+.-]*:\/\/)[^\s/?#]+@/gi, `$1${MASK}@`)
    .replaceAll(/([?&][\w-]*(?:token|key|secret|password|signature|sig)=)[^&#\s]+/gi, `$1${MASK}`);
}

/** Masks all texts and numbers in the value; empty texts stay. */
function maskedAll(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => maskedAll(item));
  if (isMapping(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, maskedAll(member)]));
  }
  return (typeof value === 'string' && value !== '') || typeof value === 'number' ? MASK : value;
}

import { type JsonSchema, schemaAt } from './json-schema.js';

/** What stands in place of a secret. */
const MASK = '(secret)';
/** The format of options that `secret()` makes. */
const SECRET_FORMAT = 'password';
/** Names of options and headers whose values are for nobody, whatever their schema says. */
const SECRET_NAME =
  /(pass(word|wd|phrase)?|secret|token|api[-_]?key|private[-_]?key|authorization|cookie|credentials?)$/i;
const HEADERS_NAME = /headers$/i;

/** A copy of options that may be shown: what the schema marks as secret, or a name or URL gives away, is masked. */
export function masked(value: unknown, schema: JsonSchema | undefined, name = ''): unknown {
  if (schema?.format === SECRET_FORMAT || SECRET_NAME.test(name) || HEADERS_NAME.test(name)) return hidden(value);
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

/** The value with all texts and numbers in it replaced; what is empty has nothing to hide. */
function hidden(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => hidden(item));
  if (isMapping(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, hidden(member)]));
  }
  return (typeof value === 'string' && value !== '') || typeof value === 'number' ? MASK : value;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

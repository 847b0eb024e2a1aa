import { DeliveryError, printable, type SendResult } from '../../../kernel/contracts/index.js';

interface Item {
  readonly status?: unknown;
  readonly error?: { readonly type?: unknown; readonly reason?: unknown };
}

/** A document with the same id exists: an earlier request stored it. */
const CONFLICT = 409;
const MAX_WORDS = 300;

/**
 * What the answer to a bulk request means.
 * @throws DeliveryError when some documents may be stored later; the retry finds those that are stored already by their id
 */
export function resultOf(body: Uint8Array): SendResult {
  const answer = parse(body);
  if (answer?.errors === false) return {};
  if (answer?.errors !== true || !Array.isArray(answer.items)) {
    throw new DeliveryError('this is not an answer to a bulk request', { hint: 'is the URL that of Elasticsearch?' });
  }
  const failed = answer.items.map(itemOf).filter(({ status }) => status > 299 && status !== CONFLICT);
  const later = failed.find(isPassing);
  if (later !== undefined) {
    const count = failed.filter(isPassing).length;
    throw new DeliveryError(`${count} of ${answer.items.length} documents are not stored now: ${later.words}`);
  }
  const [first] = failed;
  return first === undefined ? {} : { rejected: failed.length, message: first.words };
}

interface JudgedItem {
  readonly status: number;
  readonly type: string;
  readonly words: string;
}

/** @param value `{ "create": { … } }` */
function itemOf(value: unknown): JudgedItem {
  const [item = {}] = Object.values((value ?? {}) as Record<string, Item>);
  const status = typeof item?.status === 'number' ? item.status : 500;
  const [type, reason] = [item?.error?.type, item?.error?.reason].map((word) => (typeof word === 'string' ? word : ''));
  return { status, type: type!, words: printable(`${status} ${type} ${reason}`.slice(0, MAX_WORDS).trim()) };
}

/** Whether a retry may succeed: the server is busy, or the index does not exist yet. */
function isPassing({ status, type }: JudgedItem): boolean {
  return status === 429 || status >= 500 || type === 'index_not_found_exception';
}

function parse(body: Uint8Array): { errors?: unknown; items?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString());
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * An error whose text is meant for the person running the agent: it says what went wrong, where, and what to do.
 * `hint`, when present, is the exact line that mends it.
 */
export class TallymanError extends Error {
  override readonly name: string = 'TallymanError';
  /** What to do about it; printed on its own line. */
  readonly hint: string | undefined;

  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.hint = options.hint;
  }
}

/**
 * An answer other than 200, thrown by request handlers. The message becomes the body (one line, `text/plain`).
 */
export class RequestError extends TallymanError {
  override readonly name = 'RequestError';
  /** The HTTP status, 400 to 599. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Whether an error is a `RequestError`; by name, so that it also works for another copy of this package. */
export function isRequestError(error: unknown): error is RequestError {
  if (!(error instanceof Error) || error.name !== 'RequestError') return false;
  const { status } = error as { status?: unknown };
  return typeof status === 'number' && Number.isInteger(status) && status >= 400 && status <= 599;
}

/** 400: the request is invalid. */
export function badRequest(message: string): RequestError {
  return new RequestError(400, message);
}

/** 404: the requested object does not exist. */
export function notFound(message: string): RequestError {
  return new RequestError(404, message);
}

/** The message of a thrown value, without its stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The errno name (`ENOENT`, …) of a system error, `undefined` for anything else. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** Control characters except tab and newline, and characters that change the direction of text. */
const OBEYED = /[^\P{Cc}\t\n]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/**
 * A text as it may be written to a terminal: what a terminal would obey instead of show becomes `\uXXXX`, which is also
 * how JSON writes it. Names of containers and cgroups are chosen by whoever makes them.
 */
export function printable(text: string): string {
  return text.replace(OBEYED, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

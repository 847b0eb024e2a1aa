import { parseFloat64 } from '../common/index.js';

const SPACE = 0x20;
const TAB = 0x09;
const QUOTE = 0x22;
const HASH = 0x23;
const COMMA = 0x2c;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

const isBlank = (code: number): boolean => code === SPACE || code === TAB;

/** Letters, digits, `_` and `:`; anything beyond ASCII only within quotes. */
function isNameCode(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x30 && code <= 0x3a) ||
    code === 0x5f ||
    code === 0x2e
  );
}

/** Reads one line of an exposition from left to right. */
export class LineCursor {
  private text = '';
  private at = 0;
  private end = 0;

  reset(text: string, start: number, end: number): void {
    this.text = text;
    this.at = start;
    this.end = end;
  }

  get atEnd(): boolean {
    return this.at >= this.end;
  }

  /** Code of the current character, −1 at the end. */
  code(): number {
    return this.atEnd ? -1 : this.text.charCodeAt(this.at);
  }

  get isOpeningBrace(): boolean {
    return this.code() === OPEN;
  }

  get isBlank(): boolean {
    return isBlank(this.code());
  }

  advance(): void {
    this.at++;
  }

  skipBlanks(): void {
    while (this.at < this.end && isBlank(this.text.charCodeAt(this.at))) this.at++;
  }

  /** The text up to the next blank. */
  word(): string {
    const start = this.at;
    while (this.at < this.end && !isBlank(this.text.charCodeAt(this.at))) this.at++;
    return this.text.slice(start, this.at);
  }

  /** A plain or quoted name; undefined when there is none. */
  name(): string | undefined {
    if (this.code() === QUOTE) return this.quoted();
    const start = this.at;
    while (this.at < this.end && isNameCode(this.text.charCodeAt(this.at))) this.at++;
    return this.at === start ? undefined : this.text.slice(start, this.at);
  }

  /** The rest of the line with `\\` and `\n` unescaped. */
  unescapedRest(): string {
    return unescaped(this.text.slice(this.at, this.end));
  }

  /**
   * Labels in braces. @param withName the first item may be the metric's name, in quotes
   * @returns undefined when they are malformed
   */
  labels(
    withName: boolean,
  ): { readonly name: string | undefined; readonly labels: Record<string, string> } | undefined {
    const labels: Record<string, string> = {};
    let name: string | undefined;
    this.at++;
    for (;;) {
      this.skipBlanks();
      if (this.code() === CLOSE) break;
      const isQuoted = this.code() === QUOTE;
      const key = this.name();
      if (key === undefined || key === '__proto__') return undefined;
      this.skipBlanks();
      if (this.code() === EQUALS) {
        this.at++;
        this.skipBlanks();
        const value = this.quoted();
        if (value === undefined) return undefined;
        labels[key] = value;
      } else if (withName && isQuoted && name === undefined) name = key;
      else return undefined;
      this.skipBlanks();
      if (this.code() === COMMA) this.at++;
      else if (this.code() !== CLOSE) return undefined;
    }
    this.at++;
    return { name, labels };
  }

  /** A number between blanks; undefined when there is none. */
  number(): number | undefined {
    this.skipBlanks();
    return parseFloat64(this.word());
  }

  /** A number, NaN when the line ends or an exemplar begins here, undefined when it is something else. */
  optionalNumber(): number | undefined {
    this.skipBlanks();
    if (this.atEnd || this.code() === HASH) return Number.NaN;
    const value = parseFloat64(this.word());
    return value === undefined || !Number.isFinite(value) ? undefined : value;
  }

  /** @returns whether the line ends here, or after an exemplar */
  skipExemplar(): boolean {
    this.skipBlanks();
    if (this.atEnd) return true;
    if (this.code() !== HASH) return false;
    this.at++;
    this.skipBlanks();
    if (!this.isOpeningBrace || this.labels(false) === undefined || this.number() === undefined) return false;
    if (this.optionalNumber() === undefined) return false;
    this.skipBlanks();
    return this.atEnd;
  }

  private quoted(): string | undefined {
    if (this.code() !== QUOTE) return undefined;
    const start = ++this.at;
    let escaped = false;
    for (; this.at < this.end; this.at++) {
      const code = this.text.charCodeAt(this.at);
      if (code === BACKSLASH) {
        escaped = true;
        this.at++;
      } else if (code === QUOTE) {
        const raw = this.text.slice(start, this.at++);
        return escaped ? unescaped(raw) : raw;
      }
    }
    return undefined;
  }
}

function unescaped(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\([\s\S])/g, (whole, char: string) =>
    char === 'n' ? '\n' : char === '\\' || char === '"' ? char : whole,
  );
}

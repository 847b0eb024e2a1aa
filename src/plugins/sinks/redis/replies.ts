/** An answer of Redis: a text, a number, nothing, an error or a list of answers. */
export type Reply = string | number | null | ReplyError | readonly Reply[];

/** An error that Redis answers with. */
export class ReplyError extends Error {}

/** The bytes are not RESP2. */
export class ProtocolError extends Error {}

const RETURN = 0x0d;
const NEWLINE = 0x0a;
/** Longest answer; ours are counts and short texts. */
const MAX_BYTES = 1024 * 1024;
/** Deepest list in lists: EXEC answers a list of plain answers. */
const MAX_DEPTH = 4;

/** Reads answers of Redis from the chunks in which they arrive. */
export class ReplyReader {
  private pending: Buffer = Buffer.alloc(0);
  private at = 0;

  /** @returns answers that are complete now. @throws ProtocolError */
  take(bytes: Buffer): Reply[] {
    this.pending = this.pending.length === 0 ? bytes : Buffer.concat([this.pending, bytes]);
    if (this.pending.length > MAX_BYTES) throw new ProtocolError('the answer is too long');
    const replies: Reply[] = [];
    for (;;) {
      const start = this.at;
      const reply = this.reply(0);
      if (reply === undefined) {
        this.pending = this.pending.subarray(start);
        this.at = 0;
        return replies;
      }
      replies.push(reply);
    }
  }

  /** @returns undefined while it is incomplete */
  private reply(depth: number): Reply | undefined {
    const line = this.line();
    if (line === undefined) return undefined;
    const rest = line.slice(1);
    switch (line[0]) {
      case '+':
        return rest;
      case '-':
        return new ReplyError(rest);
      case ':':
        return integer(rest);
      case '$':
        return this.bulk(integer(rest));
      case '*':
        return this.list(integer(rest), depth);
      default:
        throw new ProtocolError(`an answer begins with ${JSON.stringify(line.slice(0, 20))}`);
    }
  }

  private line(): string | undefined {
    const end = this.pending.indexOf(NEWLINE, this.at);
    if (end < 0) return undefined;
    if (this.pending[end - 1] !== RETURN || end === this.at) throw new ProtocolError('a line does not end with CR LF');
    const line = this.pending.toString('utf8', this.at, end - 1);
    this.at = end + 1;
    return line;
  }

  private bulk(length: number): string | null | undefined {
    if (length < 0) return null;
    const end = this.at + length;
    if (length > MAX_BYTES) throw new ProtocolError('the answer is too long');
    if (this.pending.length < end + 2) return undefined;
    if (this.pending[end] !== RETURN || this.pending[end + 1] !== NEWLINE) {
      throw new ProtocolError('a text does not end with CR LF');
    }
    const text = this.pending.toString('utf8', this.at, end);
    this.at = end + 2;
    return text;
  }

  private list(length: number, depth: number): readonly Reply[] | null | undefined {
    if (length < 0) return null;
    if (length > MAX_BYTES || depth >= MAX_DEPTH) throw new ProtocolError('the answer is too long');
    const items: Reply[] = [];
    while (items.length < length) {
      const item = this.reply(depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  }
}

function integer(text: string): number {
  if (!/^-?\d{1,15}$/.test(text)) throw new ProtocolError(`${JSON.stringify(text.slice(0, 20))} is not an integer`);
  return Number(text);
}

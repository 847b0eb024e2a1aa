import type { ExportContainer, Label, Sink } from '../../../kernel/contracts/index.js';
import { PreparedByContainer, writeNumber } from '../common/index.js';

interface Gauge {
  /** `name:` */
  readonly head: Uint8Array;
  /** `|g`, tags and the end of the line. */
  readonly tail: Uint8Array;
  readonly index: number;
  readonly fact: Uint8Array | undefined;
}

const MINUS = 0x2d;

/** A word of a name without tags: what Graphite takes between two dots. */
const nameWord = (text: string) => text.replace(/[^\w-]+/g, '_').replace(/^_+|_+$/g, '') || '_';
const tagText = (text: string) => text.replace(/[|,#\s\p{Cc}]+/gu, '_');

/** The word of a name that says what it is about. */
const subjectOf = ({ kind, name, description }: ExportContainer) =>
  kind === 'machine' || kind === 'agent' ? kind : (description.aliases[0] ?? name);

/** `|#name:value,…` */
export const tagsText = (labels: readonly Label[]): string =>
  labels.length === 0
    ? ''
    : `|#${labels.map(([name, value]) => `${tagText(name).replaceAll(':', '_')}:${tagText(value)}`).join(',')}`;

/** Encodes a sample as gauges, one line each. */
export function gaugeEncoder(hasTags: boolean): Sink['encode'] {
  const prepared = new PreparedByContainer((groups, { container }): readonly Gauge[] =>
    groups.flatMap(({ labels, members }) => {
      const all = [...container.labels, ...labels].sort(([a], [b]) => (a < b ? -1 : 1));
      const { host } = Object.fromEntries(container.labels) as { host?: string };
      const before = [...(host === undefined ? [] : [host]), subjectOf(container)];
      const behind = labels.map(([, value]) => nameWord(value));
      const nameOf = (name: string) => [...before.map(nameWord), nameWord(name), ...behind].join('.');
      return members.map(({ name, index, fact }) => ({
        head: Buffer.from(`${hasTags ? name : nameOf(name)}:`),
        tail: Buffer.from(`|g${hasTags ? tagsText(all) : ''}\n`),
        index,
        fact: index < 0 ? Buffer.from(String(fact)) : undefined,
      }));
    }),
  );
  return (sample, out) => {
    let count = 0;
    for (const { head, tail, index, fact } of prepared.of(sample)) {
      const value = fact === undefined ? sample.value(index) : 0;
      if (!Number.isFinite(value)) continue;
      // A signed number changes a gauge by that amount, so the gauge is set to 0 first.
      if (value < 0 || fact?.[0] === MINUS) {
        out.bytes(head);
        out.ascii('0');
        out.bytes(tail);
      }
      out.bytes(head);
      if (fact === undefined) writeNumber(out, sample, index, value);
      else out.bytes(fact);
      out.bytes(tail);
      count++;
    }
    return count;
  };
}

/** Joins lines into datagrams of at most `size` bytes; a longer line becomes a datagram of its own. */
export function datagramsOf(body: Uint8Array, size: number): Uint8Array[] {
  const datagrams: Uint8Array[] = [];
  let start = 0;
  let end = 0;
  while (end < body.length) {
    const found = body.indexOf(0x0a, end);
    const next = found < 0 ? body.length : found + 1;
    // The last line break of a datagram is left out, and does not count.
    if (next - 1 - start > size && end > start) {
      datagrams.push(body.subarray(start, end - 1));
      start = end;
    }
    end = next;
  }
  if (end > start) datagrams.push(body.subarray(start, body[end - 1] === 0x0a ? end - 1 : end));
  return datagrams;
}

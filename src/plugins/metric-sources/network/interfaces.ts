import type { Cell } from '../common/index.js';
import { networkFields } from './fields.js';

/** Interfaces that are the machine's own plumbing: loopback and the host's ends of container networks. */
const SKIPPED = /^(?:lo|veth|docker|nerdctl)/i;
const LINE = /^ *([^\s:]+):(.*)$/gm;
const COUNTERS = 16;

interface InterfaceLine {
  readonly name: string;
  readonly words: readonly { readonly at: number; readonly text: string }[];
  /** False for skipped interfaces and lines that are no interface's. */
  readonly wanted: boolean;
}

/**
 * The numbers of `/proc/<pid>/net/dev`.
 * @param primaryOf chooses the primary one among the names of the wanted interfaces
 */
export function findInterfaceCells(
  text: string,
  primaryOf: (names: readonly string[]) => string | undefined,
): readonly Cell[] {
  const lines = Array.from(text.matchAll(LINE), readLine);
  const primary = primaryOf(lines.filter(({ wanted }) => wanted).map(({ name }) => name));
  return lines.flatMap(({ name, words, wanted }) => {
    const shared = { labels: [name], ...(name === primary && { attributes: { primary: 'true' } }) };
    return words.map(({ at }, place): Cell => {
      const entry = wanted ? networkFields.find((candidate) => candidate.place === place) : undefined;
      return entry === undefined ? { at } : { at, column: { field: entry.field, ...shared } };
    });
  });
}

function readLine(match: RegExpExecArray): InterfaceLine {
  const [line, name, rest] = match;
  const from = match.index + line.length - rest!.length;
  const words = Array.from(rest!.matchAll(/\S+/g), (word) => ({ at: from + word.index, text: word[0] }));
  const complete = words.length === COUNTERS && words.every(({ text }) => /^\d+$/.test(text));
  return { name: name!, words, wanted: complete && !SKIPPED.test(name!) };
}

import type { FieldDescriptor, Unit } from '../../../kernel/contracts/index.js';
import type { Cell } from '../common/index.js';

const field = (name: string, unit: Unit, help: string, place: string): FieldDescriptor => ({
  name: `network.${name}`,
  unit,
  kind: 'counter',
  help,
  source: { any: `/proc/<pid>/net/dev: ${place}` },
  dimensions: ['interface'],
});

/** Fields of the `network` source with the index of their number in a line of `/proc/net/dev`. */
export const networkFields: readonly { readonly place: number; readonly field: FieldDescriptor }[] = [
  { place: 0, field: field('rx_bytes', 'bytes', 'Bytes received by the interface.', 'receive bytes') },
  { place: 1, field: field('rx_packets', 'packets', 'Packets received by the interface.', 'receive packets') },
  { place: 2, field: field('rx_errors', 'packets', 'Packets that arrived damaged.', 'receive errs') },
  { place: 3, field: field('rx_dropped', 'packets', 'Arrived packets that were thrown away.', 'receive drop') },
  { place: 8, field: field('tx_bytes', 'bytes', 'Bytes sent by the interface.', 'transmit bytes') },
  { place: 9, field: field('tx_packets', 'packets', 'Packets sent by the interface.', 'transmit packets') },
  { place: 10, field: field('tx_errors', 'packets', 'Packets that could not be sent.', 'transmit errs') },
  { place: 11, field: field('tx_dropped', 'packets', 'Packets thrown away instead of sent.', 'transmit drop') },
];

/** Loopback and the host ends of container networks. */
const SKIPPED = /^(?:lo|veth|docker|nerdctl)/i;
const LINE = /^ *([^\s:]+):(.*)$/gm;
const COUNTERS = 16;

interface InterfaceLine {
  readonly name: string;
  readonly words: readonly { readonly at: number; readonly text: string }[];
  /** False for skipped interfaces and malformed lines. */
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

import type { Column, FieldDescriptor } from '../../../kernel/contracts/index.js';
import type { Cell } from '../common/index.js';
import { diskIoFields as fields } from './fields.js';

/** Gives the device name of a pair of numbers, `''` when unknown. */
export type DeviceNamer = (major: number, minor: number) => string;

/** `8:0 Read 4096`, `8:0 4096`, and the sum in the last line, which is no device's. */
const BLKIO_LINE = /^(?:(\d+):(\d+)(?: (\w+))?|Total) (\d+)$/gm;
const IO_STAT_LINE = /^(\d+):(\d+) (.*)$/gm;
const IO_STAT_PAIR = /([\w.]+)=(\S+)/g;

/** What the API calls the single number of files and lines that name no operation. */
const COUNT = 'Count';

const IO_STAT_KEYS = new Map<string, { field: FieldDescriptor; operation: string }>([
  ['rbytes', { field: fields.ioServiceBytes, operation: 'Read' }],
  ['wbytes', { field: fields.ioServiceBytes, operation: 'Write' }],
  ['rios', { field: fields.ioServiced, operation: 'Read' }],
  ['wios', { field: fields.ioServiced, operation: 'Write' }],
  ['cost.usage', { field: fields.ioCostUsage, operation: COUNT }],
  ['cost.wait', { field: fields.ioCostWait, operation: COUNT }],
  ['cost.indebt', { field: fields.ioCostIndebt, operation: COUNT }],
  ['cost.indelay', { field: fields.ioCostIndelay, operation: COUNT }],
]);

/** The numbers of a v1 `blkio.*` file. */
export function findBlkioCells(text: string, field: FieldDescriptor, nameOf: DeviceNamer): Cell[] {
  return Array.from(text.matchAll(BLKIO_LINE), (match): Cell => {
    const [line, major, minor, operation = COUNT, digits] = match;
    const at = match.index + line.length - digits!.length;
    if (major === undefined || minor === undefined) return { at };
    return { at, column: columnOf(field, major, minor, operation, nameOf) };
  });
}

/** The numbers of a v2 `io.stat`. Keys of no interest (discards, `cost.vrate`) may hold anything. */
export function findIoStatCells(text: string, nameOf: DeviceNamer): Cell[] {
  return Array.from(text.matchAll(IO_STAT_LINE)).flatMap((match) => {
    const [line, major, minor, pairs] = match;
    const from = match.index + line.length - pairs!.length;
    return Array.from(pairs!.matchAll(IO_STAT_PAIR), (pair): Cell => {
      const [text, key, value] = pair;
      const at = from + pair.index + text.length - value!.length;
      const known = /^\d+$/.test(value!) ? IO_STAT_KEYS.get(key!) : undefined;
      return known === undefined
        ? { at }
        : { at, column: columnOf(known.field, major!, minor!, known.operation, nameOf) };
    });
  });
}

function columnOf(
  field: FieldDescriptor,
  major: string,
  minor: string,
  operation: string,
  nameOf: DeviceNamer,
): Column {
  return { field, labels: [major, minor, nameOf(Number(major), Number(minor)), operation] };
}

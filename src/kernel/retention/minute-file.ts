import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { constants, createGzip, gunzip } from 'node:zlib';
import { codeOf, Slices, TallymanError } from '../contracts/index.js';
import { type KeptMinutes, MINUTES_PER_DAY, VALUES_PER_MINUTE } from '../history/index.js';

const HEADER = JSON.stringify({ format: 'tallyman-minutes', version: 1 });
const UNFINISHED = '.unfinished';
/** A day of 1,000 busy containers is about 50 MiB before compression. */
const MAX_BYTES = 128 * 2 ** 20;

interface Line {
  readonly name: string;
  readonly endedAt: number;
  /** Base64 of little-endian floats and of 16-bit integers. */
  readonly values: string;
  readonly repeats: string;
}

/**
 * Writes the minutes of containers as compressed lines of JSON. The file is replaced atomically.
 * @param maxBytes size limit before compression
 * @returns how many containers did not fit
 */
export async function writeMinutes(
  file: string,
  containers: Iterable<readonly [string, KeptMinutes]>,
  maxBytes = MAX_BYTES,
): Promise<number> {
  await mkdir(dirname(file), { recursive: true, mode: 0o750 });
  const unfinished = `${file}${UNFINISHED}`;
  const counts = { written: 0, leftOut: 0, maxBytes };
  try {
    await pipeline(
      Readable.from(linesOf(containers, counts)),
      createGzip({ level: constants.Z_BEST_SPEED }),
      createWriteStream(unfinished, { mode: 0o640, flush: true }),
    );
    await rename(unfinished, file);
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => {});
    throw error;
  }
  return counts.leftOut;
}

async function* linesOf(
  containers: Iterable<readonly [string, KeptMinutes]>,
  counts: { written: number; leftOut: number; readonly maxBytes: number },
): AsyncGenerator<string> {
  const slices = new Slices();
  yield `${HEADER}\n`;
  let bytes = 0;
  for (const [name, { endedAt, values, repeats }] of containers) {
    const line = { name, endedAt, values: base64(values), repeats: base64(repeats) } satisfies Line;
    const text = `${JSON.stringify(line)}\n`;
    bytes += text.length;
    if (bytes > counts.maxBytes) {
      counts.leftOut++;
    } else {
      counts.written++;
      yield text;
    }
    if (slices.isOver()) await slices.pause();
  }
  yield `${JSON.stringify({ end: counts.written })}\n`;
}

/**
 * Reads what `writeMinutes` wrote.
 * @returns no containers when there is no such file
 * @throws TallymanError when it is truncated or damaged
 */
export async function readMinutes(file: string): Promise<Map<string, KeptMinutes>> {
  let packed: Buffer;
  try {
    packed = await readFile(file);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return new Map();
    throw error;
  }
  try {
    const text = await promisify(gunzip)(packed, { maxOutputLength: 2 * MAX_BYTES });
    return parse(text.toString('utf8').trimEnd().split('\n'));
  } catch (error) {
    throw new TallymanError(`${file} is cut or damaged`, { cause: error });
  }
}

function parse(lines: readonly string[]): Map<string, KeptMinutes> {
  if (lines[0] !== HEADER) throw new Error('unknown format');
  const { end } = JSON.parse(lines.at(-1)!) as { end?: unknown };
  if (end !== lines.length - 2) throw new Error('its end is missing');
  const containers = new Map<string, KeptMinutes>();
  for (const text of lines.slice(1, -1)) {
    const { name, endedAt, values, repeats } = JSON.parse(text) as Line;
    const kept = { endedAt, values: new Float32Array(bytesOf(values)), repeats: new Uint16Array(bytesOf(repeats)) };
    if (typeof name !== 'string' || !isValid(kept)) throw new Error('a line has no minutes');
    containers.set(name, kept);
  }
  return containers;
}

function isValid({ endedAt, values, repeats }: KeptMinutes): boolean {
  const minutes = repeats.reduce((sum, count) => sum + count, 0);
  const fits = values.length === repeats.length * VALUES_PER_MINUTE && minutes <= MINUTES_PER_DAY;
  return Number.isFinite(endedAt) && fits && repeats.every((count) => count > 0);
}

function base64({ buffer, byteOffset, byteLength }: Float32Array | Uint16Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}

/** Copied, because the bytes of a small Buffer need not begin at a multiple of four. */
function bytesOf(text: string): ArrayBuffer {
  return new Uint8Array(Buffer.from(text, 'base64')).buffer;
}

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { codeOf, type Logger, messageOf, TallymanError } from '../contracts/index.js';
import { startTicksOf } from '../linux/index.js';
import type { PackedBatch } from './batcher.js';
import type { QueuedBatch, StoredBody } from './queue.js';

/**
 * A segment is a file that begins with `FILE_MAGIC`, followed by records. A record is its state (one byte, overwritten when the batch is
 * done), the lengths of its head and body, the checksum of lengths and head, the head (JSON) and the body.
 */
const FILE_MAGIC = Buffer.from('TLYSINK1');
const SUFFIX = '.batches';
const FILE_NAME = /^\d{12}\.batches$/;
const WAITING = 0x57;
const DONE = 0x44;
/** State, two lengths, checksum. */
const FIXED_BYTES = 13;
/** Bytes read at first to find the head of a record; most heads are shorter. */
const LOOK_BYTES = 512;
const MIN_SEGMENT_BYTES = 64 * 1024;
const MAX_SEGMENT_BYTES = 8 * 2 ** 20;
/** Bytes of bodies that are also kept in memory until they are read for the first time: most are sent right after they were written. */
const MAX_RECENT_BYTES = 2 ** 20;
const LOCK = 'lock';
const STATE = 'state';

/** A batch without its body. */
interface RecordHead extends Pick<QueuedBatch, 'points' | 'oldest' | 'newest' | 'format'> {
  readonly checksum: number;
}

/** A file of the queue. */
interface Segment {
  readonly path: string;
  /** Records that are not done. */
  waiting: number;
  /** No records are added any more; the file is removed when none of them waits. */
  isSealed: boolean;
}

/**
 * Keeps the bodies of batches in files of one directory, so that they survive the process. A body is only delivered if its checksum is
 * right: a record that a crash cut off is found by it.
 */
export class DiskQueue {
  /** Why writing fails; absent while it works. */
  error: string | undefined;
  private isOpen = false;
  private isLocked = false;
  private opening: Promise<void> | undefined;
  /** Pending writes that mark batches as done. */
  private readonly marks = new Set<Promise<void>>();
  private current: { readonly segment: Segment; readonly file: FileHandle; size: number } | undefined;
  private nextNumber = 1;
  private recentBytes = 0;
  private readonly segmentBytes: number;

  /** @param onRestored called with the batches that were found when the directory was first opened */
  constructor(
    readonly directory: string,
    maxBytes: number,
    private readonly logger: Logger,
    private readonly onRestored: (batches: readonly QueuedBatch[]) => void,
  ) {
    this.segmentBytes = Math.min(MAX_SEGMENT_BYTES, Math.max(MIN_SEGMENT_BYTES, Math.floor(maxBytes / 8)));
  }

  /** Opens the directory and finds the batches in it. A failure is logged; the next batch tries again. */
  async open(): Promise<void> {
    try {
      await this.ready();
      this.recovered();
    } catch (error) {
      this.failed(error);
    }
  }

  /** Writes a body. @returns undefined when it cannot be written now */
  async add(batch: PackedBatch, format: string): Promise<StoredBody | undefined> {
    try {
      await this.ready();
      const stored = await this.append(batch, format);
      this.recovered();
      return stored;
    } catch (error) {
      await this.seal().catch(() => {});
      this.failed(error);
      return undefined;
    }
  }

  /** Keeps a text beside the batches. A failure is logged, and costs nothing else. */
  async saveState(text: string): Promise<void> {
    const path = join(this.directory, STATE);
    try {
      await this.ready();
      await writeFile(`${path}.new`, text, { mode: 0o600 });
      await rename(`${path}.new`, path);
    } catch (error) {
      this.failed(error);
    }
  }

  /** The text that was kept last; undefined: none, or it cannot be read. */
  async savedState(): Promise<string | undefined> {
    return readFile(join(this.directory, STATE), 'utf8').catch(() => undefined);
  }

  /** Closes the files; what waits stays in them. */
  async close(): Promise<void> {
    await this.opening?.catch(() => {});
    this.isOpen = false;
    await this.seal().catch(() => {});
    await Promise.all(this.marks);
    if (this.isLocked) rmSync(join(this.directory, LOCK), { force: true });
    this.isLocked = false;
  }

  private recovered(): void {
    if (this.error !== undefined) this.logger.info(`batches are kept in ${this.directory} again`);
    this.error = undefined;
  }

  private failed(error: unknown): void {
    const reason = codeOf(error) === 'ENOSPC' ? 'no space is left on the device' : messageOf(error);
    if (reason !== this.error) {
      this.logger.error(
        `cannot keep batches in ${this.directory}: ${reason}; until that works they are kept in memory`,
      );
    }
    this.error = reason;
  }

  private async ready(): Promise<void> {
    if (this.isOpen) return;
    this.opening ??= this.restore().finally(() => {
      this.opening = undefined;
    });
    await this.opening;
  }

  private async restore(): Promise<void> {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    if (!this.isLocked) takeLock(join(this.directory, LOCK));
    this.isLocked = true;
    const names = (await readdir(this.directory)).filter((name) => FILE_NAME.test(name)).sort();
    const batches: QueuedBatch[] = [];
    for (const name of names) {
      this.nextNumber = Math.max(this.nextNumber, Number.parseInt(name, 10) + 1);
      batches.push(...(await this.restoreSegment(join(this.directory, name))));
    }
    this.isOpen = true;
    if (batches.length === 0) return;
    const points = batches.reduce((sum, batch) => sum + batch.points, 0);
    this.logger.info(`${points} data points in ${batches.length} batches wait in ${this.directory} and will be sent`);
    this.onRestored(batches);
  }

  /** Finds the waiting batches of a file, and cuts off an incomplete record at its end. */
  private async restoreSegment(path: string): Promise<QueuedBatch[]> {
    const file = await open(path, 'r+');
    try {
      const { size } = await file.stat();
      const segment: Segment = { path, waiting: 0, isSealed: true };
      const batches: QueuedBatch[] = [];
      let at = (await hasMagic(file)) ? FILE_MAGIC.length : 0;
      while (at > 0) {
        const record = await readRecord(file, at, size);
        if (record === undefined) break;
        if (record.state === WAITING) batches.push(this.queued(segment, at, record));
        at = record.end;
      }
      if (at < size) {
        this.logger.warn(
          `${path}: the last ${size - at} bytes are not a complete batch (a crash or a loss of power) and are cut off`,
        );
        await file.truncate(at);
      }
      if (batches.length === 0) await rm(path);
      return batches;
    } finally {
      await file.close();
    }
  }

  private queued(segment: Segment, at: number, { head, bodyAt, bodyLength }: Found): QueuedBatch {
    const { checksum, ...known } = head;
    segment.waiting++;
    const stored = this.storedAt(segment, at, bodyAt, bodyLength, checksum);
    return { ...known, size: bodyLength, lane: -1, attempts: 0, stored };
  }

  private async append({ body, points, oldest, newest }: PackedBatch, format: string): Promise<StoredBody> {
    const checksum = crc32(body);
    const head = Buffer.from(JSON.stringify({ format, points, oldest, newest, checksum } satisfies RecordHead));
    this.current ??= await this.newSegment();
    const { segment, file, size } = this.current;
    const fixed = Buffer.alloc(FIXED_BYTES);
    fixed[0] = WAITING;
    fixed.writeUInt32LE(head.length, 1);
    fixed.writeUInt32LE(body.length, 5);
    fixed.writeUInt32LE(crc32(head, crc32(fixed.subarray(1, 9))), 9);
    const length = FIXED_BYTES + head.length + body.length;
    const { bytesWritten } = await file.writev([fixed, head, body], size);
    if (bytesWritten < length) throw new TallymanError('no space is left on the device');
    this.current.size += length;
    segment.waiting++;
    const stored = this.storedAt(segment, size, size + FIXED_BYTES + head.length, body.length, checksum, body);
    if (this.current.size >= this.segmentBytes) await this.seal();
    return stored;
  }

  private async newSegment(): Promise<NonNullable<DiskQueue['current']>> {
    const path = join(this.directory, `${String(this.nextNumber++).padStart(12, '0')}${SUFFIX}`);
    const file = await open(path, 'wx+', 0o600);
    try {
      await file.write(FILE_MAGIC, 0, FILE_MAGIC.length, 0);
    } catch (error) {
      await file.close();
      await rm(path, { force: true });
      throw error;
    }
    return { segment: { path, waiting: 0, isSealed: false }, file, size: FILE_MAGIC.length };
  }

  /** Closes the current file after its last complete record. */
  private async seal(): Promise<void> {
    const { current } = this;
    if (current === undefined) return;
    this.current = undefined;
    const { segment, file, size } = current;
    segment.isSealed = true;
    try {
      await file.truncate(size);
    } finally {
      await file.close();
      if (segment.waiting === 0) await rm(segment.path, { force: true });
    }
  }

  /** @param written the body, when it was written just now */
  private storedAt(
    segment: Segment,
    at: number,
    bodyAt: number,
    length: number,
    checksum: number,
    written?: Uint8Array,
  ): StoredBody {
    const takeRecent = this.keepRecent(written);
    return {
      isInMemory: false,
      async read() {
        const recent = takeRecent();
        if (recent !== undefined) return recent;
        const file = await open(segment.path, 'r');
        try {
          const body = Buffer.allocUnsafe(length);
          const { bytesRead } = await file.read(body, 0, length, bodyAt);
          if (bytesRead < length || crc32(body) !== checksum)
            throw new Error(`${segment.path} is damaged at byte ${at}`);
          return body;
        } finally {
          await file.close();
        }
      },
      release: () => {
        takeRecent();
        const mark = this.release(segment, at).finally(() => this.marks.delete(mark));
        this.marks.add(mark);
      },
    };
  }

  /** Keeps a body, if there is room. @returns takes it, once */
  private keepRecent(body: Uint8Array | undefined): () => Uint8Array | undefined {
    if (body === undefined || this.recentBytes + body.length > MAX_RECENT_BYTES) return () => undefined;
    let recent: Uint8Array | undefined = body;
    this.recentBytes += body.length;
    return () => {
      const taken = recent;
      if (taken !== undefined) this.recentBytes -= taken.length;
      recent = undefined;
      return taken;
    };
  }

  /** Marks the batch as done. If that fails, it is sent again after a restart. */
  private async release(segment: Segment, at: number): Promise<void> {
    segment.waiting--;
    try {
      if (segment.waiting === 0 && segment.isSealed) await rm(segment.path, { force: true });
      else if (this.current?.segment === segment) await writeDone(this.current.file, at);
      else await markDone(segment.path, at);
    } catch (error) {
      this.logger.debug(`cannot mark a batch in ${segment.path} as done: ${messageOf(error)}`);
    }
  }
}

/** A record in a file. */
interface Found {
  readonly state: number;
  readonly head: RecordHead;
  readonly bodyAt: number;
  readonly bodyLength: number;
  readonly end: number;
}

/** @returns undefined when the record is incomplete */
async function readRecord(file: FileHandle, at: number, size: number): Promise<Found | undefined> {
  const look = Buffer.alloc(LOOK_BYTES);
  const { bytesRead } = await file.read(look, 0, LOOK_BYTES, at);
  if (bytesRead < FIXED_BYTES) return undefined;
  const state = look[0]!;
  const headLength = look.readUInt32LE(1);
  const bodyLength = look.readUInt32LE(5);
  const bodyAt = at + FIXED_BYTES + headLength;
  const end = bodyAt + bodyLength;
  if ((state !== WAITING && state !== DONE) || end > size) return undefined;
  let head = look.subarray(FIXED_BYTES, FIXED_BYTES + headLength);
  if (FIXED_BYTES + headLength > LOOK_BYTES) {
    head = Buffer.alloc(headLength);
    await file.read(head, 0, headLength, at + FIXED_BYTES);
  }
  if (crc32(head, crc32(look.subarray(1, 9))) !== look.readUInt32LE(9)) return undefined;
  return { state, head: JSON.parse(head.toString()) as RecordHead, bodyAt, bodyLength, end };
}

async function hasMagic(file: FileHandle): Promise<boolean> {
  const magic = Buffer.alloc(FILE_MAGIC.length);
  await file.read(magic, 0, magic.length, 0);
  return magic.equals(FILE_MAGIC);
}

async function markDone(path: string, at: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await writeDone(file, at);
  } finally {
    await file.close();
  }
}

const writeDone = (file: FileHandle, at: number) => file.write(Buffer.from([DONE]), 0, 1, at);

/** @throws TallymanError when another queue uses the directory */
function takeLock(path: string): void {
  const own = `${process.pid} ${startTicksOf(process.pid)}\n`;
  try {
    const [pid = '', start] = readFileSync(path, 'utf8').trim().split(' ');
    if (start !== undefined && String(startTicksOf(Number(pid))) === start) {
      const user = Number(pid) === process.pid ? 'another sink of this agent' : `process ${pid}`;
      throw new TallymanError(`it is in use by ${user}; give each sink a directory of its own`);
    }
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  writeFileSync(path, own, { mode: 0o600 });
}

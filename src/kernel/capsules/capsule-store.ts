import { mkdirSync } from 'node:fs';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CapsuleInfo, type Logger, messageOf, type StoredCapsule } from '../contracts/index.js';
import { decodeInfo } from './format.js';

/** How much is kept. */
export interface CapsuleBounds {
  readonly count: number;
  readonly bytes: number;
  /** ms */
  readonly age: number;
}

const SUFFIX = '.capsule';
const UNFINISHED = '.new';
const NAME = /^[\w.-]+\.capsule$/;
/** Nothing larger is a capsule of an agent. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** The file of a capsule in its directory. */
export function capsuleFile(directory: string, id: string): string {
  return join(directory, `${id}${SUFFIX}`);
}

/** Capsules in a directory. The oldest are removed when there are too many. */
export class CapsuleStore {
  private capsules: StoredCapsule[] = [];

  constructor(
    readonly directory: string,
    private readonly bounds: () => CapsuleBounds,
    private readonly logger: Pick<Logger, 'warn'>,
    /** ms since the epoch */
    private readonly now: () => number = Date.now,
  ) {}

  /** Oldest first. */
  list(): readonly StoredCapsule[] {
    return this.capsules;
  }

  /** Reads what is there. Files that were not finished are removed; those that are none of ours are left alone. */
  async open(isOwner = true): Promise<void> {
    const names = await readdir(this.directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT')
        this.logger.warn(`the capsules in ${this.directory} cannot be read: ${messageOf(error)}`);
      return [];
    });
    const found: StoredCapsule[] = [];
    for (const name of names) {
      const file = join(this.directory, name);
      if (isOwner && name.endsWith(`${SUFFIX}${UNFINISHED}`)) await rm(file, { force: true }).catch(() => {});
      if (!NAME.test(name)) continue;
      try {
        const { size } = await stat(file);
        if (size > MAX_FILE_BYTES) throw new Error(`it has ${size} bytes`);
        const info = await decodeInfo(await readFile(file), file);
        if (info.id !== name.slice(0, -SUFFIX.length)) throw new Error(`it says that it is ${JSON.stringify(info.id)}`);
        found.push({ ...info, bytes: size });
      } catch (error) {
        this.logger.warn(`${file} is left out of the capsules: ${messageOf(error)}`);
      }
    }
    const known = new Set(this.capsules.map(({ id }) => id));
    this.capsules.push(...found.filter(({ id }) => !known.has(id)));
    this.sort();
    if (isOwner) await this.prune();
  }

  async read(id: string): Promise<Buffer | undefined> {
    if (!this.capsules.some((capsule) => capsule.id === id)) return undefined;
    return readFile(capsuleFile(this.directory, id)).catch(() => undefined);
  }

  /**
   * Writes a capsule so that its file is there as a whole or not at all. One of the same id is replaced. A file that a
   * power failure cut is left out when it is read: waiting for the disk would cost more than it is worth.
   */
  async write(info: CapsuleInfo, content: Buffer): Promise<StoredCapsule> {
    mkdirSync(this.directory, { recursive: true, mode: 0o750 });
    const file = capsuleFile(this.directory, info.id);
    const unfinished = `${file}${UNFINISHED}`;
    try {
      await writeFile(unfinished, content, { mode: 0o640 });
      await rename(unfinished, file);
    } catch (error) {
      await rm(unfinished, { force: true }).catch(() => {});
      throw error;
    }
    const stored = { ...info, bytes: content.length };
    this.capsules = this.capsules.filter(({ id }) => id !== info.id);
    this.capsules.push(stored);
    this.sort();
    await this.prune();
    return stored;
  }

  /** Removes the oldest beyond the bounds. */
  async prune(): Promise<void> {
    const { count, bytes, age } = this.bounds();
    const oldest = (this.now() - age) * 1000;
    let total = this.capsules.reduce((sum, capsule) => sum + capsule.bytes, 0);
    let left = this.capsules.length;
    const kept: StoredCapsule[] = [];
    for (const capsule of [...this.capsules]) {
      const isKept = left <= count && total <= bytes && capsule.createdAt >= oldest;
      if (isKept) {
        kept.push(capsule);
        continue;
      }
      left--;
      total -= capsule.bytes;
      await rm(capsuleFile(this.directory, capsule.id), { force: true }).catch(() => {});
    }
    this.capsules = kept;
  }

  private sort(): void {
    this.capsules.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
  }
}

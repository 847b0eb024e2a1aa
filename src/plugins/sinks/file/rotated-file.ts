import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { codeOf, DeliveryError, messageOf } from '../../../kernel/contracts/index.js';

export interface Rotation {
  /** Bytes. */
  readonly size: number;
  /** ms; absent: files have no age. */
  readonly age?: number | undefined;
  readonly keep: number;
}

/** No symbolic links: a user who may write to the directory must not choose which file root appends to. */
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
const MODE = 0o640;

/** A file that batches are appended to, and that is renamed when it is large or old. A batch is written completely or not at all. */
export class RotatedFile {
  private handle: FileHandle | undefined;
  private inode = 0;
  private size = 0;
  /** When the file was started, ms since the epoch. */
  private begun = 0;

  constructor(
    private readonly path: string,
    private readonly rotation: Rotation,
    private readonly now: () => number,
  ) {}

  /** @throws DeliveryError when it cannot be written, on a full disk for example; then nothing of `bytes` is in the file */
  async append(bytes: Uint8Array): Promise<void> {
    try {
      await this.open();
      if (this.isDue(bytes.length)) {
        await this.rotate();
        await this.open();
      }
      await this.write(bytes);
    } catch (error) {
      if (error instanceof DeliveryError) throw error;
      throw new DeliveryError(`${this.path} cannot be written: ${messageOf(error)}`, { cause: error });
    }
  }

  async close(): Promise<void> {
    const { handle } = this;
    this.handle = undefined;
    await handle?.close();
  }

  /** Opens the file, again after it was renamed or removed. */
  private async open(): Promise<void> {
    const found = await stat(this.path).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (this.handle !== undefined && found?.ino === this.inode) return;
    await this.close();
    // Opening a pipe without a reader would never end.
    if (found?.isFile() === false) throw new DeliveryError(`${this.path} is not a regular file`);
    const handle = await open(this.path, FLAGS, MODE);
    const { ino, size, birthtimeMs } = await handle.stat();
    this.handle = handle;
    this.inode = ino;
    this.size = size;
    this.begun = size === 0 ? this.now() : birthtimeMs;
  }

  private isDue(more: number): boolean {
    const { size, age } = this.rotation;
    if (this.size === 0) return false;
    return this.size + more > size || (age !== undefined && this.now() - this.begun >= age);
  }

  private async rotate(): Promise<void> {
    await this.close();
    const { path } = this;
    const { keep } = this.rotation;
    await rm(keep === 0 ? path : `${path}.${keep}`, { force: true });
    for (let number = keep - 1; number >= 0; number--) {
      const from = number === 0 ? path : `${path}.${number}`;
      await rename(from, `${path}.${number + 1}`).catch((error: unknown) => {
        if (codeOf(error) !== 'ENOENT') throw error;
      });
    }
  }

  private async write(bytes: Uint8Array): Promise<void> {
    const handle = this.handle!;
    try {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await handle.write(bytes, done);
        done += bytesWritten;
      }
    } catch (error) {
      // Otherwise the retry would write the first half of the batch a second time.
      await handle.truncate(this.size).catch(() => {});
      throw error;
    }
    this.size += bytes.length;
  }
}

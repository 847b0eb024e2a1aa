import { closeSync, openSync, readSync } from 'node:fs';

const PAGE = 4096;

/** Reads how much memory a process has for itself. Its file stays open: a later process of the same id is not mistaken for it. */
export class MemoryGauge {
  private readonly file: number;
  private readonly buffer = Buffer.alloc(128);

  constructor(pid: number) {
    this.file = openSync(`/proc/${pid}/statm`, 'r');
  }

  /** Bytes that it shares with nobody: what V8, Buffers and native code took. 0 when the process is gone. */
  privateBytes(): number {
    try {
      const length = readSync(this.file, this.buffer, 0, this.buffer.length, 0);
      const [, resident = 0, shared = 0] = this.buffer.toString('latin1', 0, length).split(' ').map(Number);
      return (resident - shared) * PAGE;
    } catch {
      return 0;
    }
  }

  close(): void {
    closeSync(this.file);
  }
}

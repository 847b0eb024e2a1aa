import { closeSync, openSync, readSync } from 'node:fs';

/** Enough for the first lines of a status file, which contain the memory. */
const BUFFER_BYTES = 4096;

/** Reads the private memory of a process. The file stays open, so that a reused pid is not mistaken for it. */
export class MemoryGauge {
  private readonly file: number;
  private readonly buffer = Buffer.alloc(BUFFER_BYTES);

  constructor(pid: number, proc = '/proc') {
    // In kB; `statm` counts pages, whose size depends on the machine.
    this.file = openSync(`${proc}/${pid}/status`, 'r');
  }

  /** Private memory in bytes: V8, Buffers and native code. 0 when the process is gone. */
  privateBytes(): number {
    try {
      const length = readSync(this.file, this.buffer, 0, this.buffer.length, 0);
      const kibibytes = /^RssAnon:\s+(\d+) kB$/m.exec(this.buffer.toString('latin1', 0, length))?.[1];
      return Number(kibibytes ?? 0) * 1024;
    } catch {
      return 0;
    }
  }

  close(): void {
    closeSync(this.file);
  }
}

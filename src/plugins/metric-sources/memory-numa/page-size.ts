import type { LinuxHost } from '../../../kernel/contracts/index.js';

const AT_PAGESZ = 6n;
const WORD = 8;
const USUAL = 4096;

/** Size of a memory page in bytes, from the auxiliary vector of a process (`/proc/self/auxv`, pairs of 64-bit words). */
export function pageSizeIn(vector: Buffer): number {
  for (let at = 0; at + 2 * WORD <= vector.length; at += 2 * WORD) {
    if (vector.readBigUInt64LE(at) === AT_PAGESZ) return Number(vector.readBigUInt64LE(at + WORD)) || USUAL;
  }
  return USUAL;
}

/** Size of a memory page of this host in bytes. */
export function readPageSize(host: LinuxHost): number {
  const length = host.readProc('self/auxv');
  return length < 0 ? USUAL : pageSizeIn(host.buffer.subarray(0, length));
}

import { promisify } from 'node:util';
import * as zlib from 'node:zlib';

/** Compresses a whole text; does not block. */
export type Compress = (input: Buffer) => Promise<Buffer>;

type Callback = (error: Error | null, result: Buffer) => void;

const { zstdCompress } = zlib as { zstdCompress?: (input: Buffer, done: Callback) => void };
const gzipAtLevel = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gzip);

/** @param level 1: fast; 9: small; absent: between both */
export const gzip = (input: Buffer, level?: number): Promise<Buffer> => gzipAtLevel(input, { level });

/** `undefined` before Node.js 22.15. */
export const zstd: Compress | undefined = zstdCompress === undefined ? undefined : promisify(zstdCompress);

import { gzip } from '../../../kernel/contracts/bytes/index.js';
import { type Sink, z } from '../../../kernel/contracts/index.js';

/** Half the CPU time of zlib's usual level, for a tenth more bytes. */
const GZIP_LEVEL = 3;

type Compression = 'gzip' | 'none';

/** The option `compression`. @param what is compressed: `requests` or `messages` */
export const compressionOption = (what = 'requests') =>
  z.enum(['gzip', 'none']).default('gzip').describe(`How ${what} are compressed.`);

/** The option `layout`. @param cadvisor what the layout of cAdvisor's driver is */
export const layoutOption = (cadvisor: string) =>
  z.enum(['tallyman', 'cadvisor']).default('tallyman').describe(`\`cadvisor\`: ${cadvisor}`);

/** Compresses what sinks send. */
export const gzipBody = (body: Buffer): Promise<Buffer> => gzip(body, GZIP_LEVEL);

/** `Sink.pack` for the option `compression`. */
export const gzipPack = (compression: Compression): Sink['pack'] => (compression === 'gzip' ? gzipBody : undefined);

/** The header that goes with `gzipPack`. */
export const gzipHeader = (compression: Compression): Record<string, string> =>
  compression === 'gzip' ? { 'Content-Encoding': 'gzip' } : {};

import { gzip } from '../../../kernel/contracts/bytes/index.js';
import { type Sink, z } from '../../../kernel/contracts/index.js';

type Compression = 'gzip' | 'none';

/** The option `compression`. @param what is compressed: `requests` or `messages` */
export const compressionOption = (what = 'requests') =>
  z.enum(['gzip', 'none']).default('gzip').describe(`How ${what} are compressed.`);

/** The option `layout`. @param cadvisor what the layout of cAdvisor's driver is */
export const layoutOption = (cadvisor: string) =>
  z.enum(['tallyman', 'cadvisor']).default('tallyman').describe(`\`cadvisor\`: ${cadvisor}`);

/** `Sink.pack` for the option `compression`. */
export const gzipPack = (compression: Compression): Sink['pack'] =>
  compression === 'gzip' ? (body) => gzip(body) : undefined;

/** The header that goes with `gzipPack`. */
export const gzipHeader = (compression: Compression): Record<string, string> =>
  compression === 'gzip' ? { 'Content-Encoding': 'gzip' } : {};

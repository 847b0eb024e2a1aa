import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { type Answer, type ApiRequest, notFound } from '../../../../kernel/contracts/index.js';

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};
/** Served below `/static/` by its name. */
const FOLDER = 'browser';

interface Asset {
  readonly contentType: string;
  readonly bytes: Buffer;
  readonly etag: string;
}

/** The files that pages load, read when the first one is asked for. */
export class Assets {
  private files: ReadonlyMap<string, Asset> | undefined;

  /** @throws RequestError 404 */
  answer(request: ApiRequest): Answer {
    const path = request.args.join('/');
    this.files ??= readAssets();
    const asset = this.files.get(path);
    if (asset === undefined) throw notFound(`unknown static resource ${JSON.stringify(`/static/${path}`)}`);
    const { contentType, bytes, etag } = asset;
    const headers = { ETag: etag, 'Cache-Control': 'no-cache' };
    const known = request.header('if-none-match')?.split(/,\s*/) ?? [];
    if (known.some((tag) => tag.replace(/^W\//, '') === etag)) {
      return { status: 304, contentType, headers, body: () => {} };
    }
    return { contentType, headers, body: (out) => out.bytes(bytes) };
  }
}

function readAssets(): Map<string, Asset> {
  const assets = new Map<string, Asset>();
  const url = new URL(`../${FOLDER}/`, import.meta.url);
  for (const name of readdirSync(url)) {
    const contentType = TYPES[extname(name)];
    if (contentType === undefined) continue;
    const bytes = readFileSync(new URL(name, url));
    const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
    assets.set(`${FOLDER}/${name}`, { contentType, bytes, etag });
  }
  return assets;
}

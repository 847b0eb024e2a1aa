import { posix } from 'node:path';

export type RequestTarget =
  | { readonly kind: 'path'; readonly path: string; readonly query: string }
  | { readonly kind: 'moved'; readonly location: string }
  | { readonly kind: 'malformed'; readonly message: string };

/**
 * Reads the request target (`/api/v1.3/containers/a%20b?x=1`): the path percent-decoded, the query as sent. A path
 * that is not clean is answered with a redirect before anything else handles it, so that `..` cannot escape.
 * Never throws.
 */
export function parseTarget(target: string): RequestTarget {
  const origin = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i.exec(target);
  const local = origin === null ? target : target.slice(origin[0].length) || '/';
  if (!local.startsWith('/') && !local.startsWith('?')) {
    return { kind: 'malformed', message: `malformed request target ${JSON.stringify(target)}: it must begin with /` };
  }
  const [beforeFragment] = local.split('#', 1) as [string];
  const mark = beforeFragment.indexOf('?');
  const rawPath = mark < 0 ? beforeFragment : beforeFragment.slice(0, mark);
  const query = mark < 0 ? '' : beforeFragment.slice(mark + 1);
  const broken = /%(?![0-9A-Fa-f]{2}).{0,2}/s.exec(rawPath);
  if (broken !== null) return { kind: 'malformed', message: `invalid URL escape ${JSON.stringify(broken[0])}` };
  const path = decodePath(rawPath);
  const clean = cleanPath(path);
  if (clean !== path) return { kind: 'moved', location: locationOf(clean, query) };
  return { kind: 'path', path, query };
}

/** The path without empty, `.` and `..` segments; a trailing slash stays. */
export function cleanPath(path: string): string {
  return posix.normalize(`/${path}`);
}

/** A `Location` value for a decoded path and a raw query. */
export function locationOf(path: string, query: string): string {
  const encoded = path
    .split('/')
    .map((segment) => encodeURIComponent(segment).replace(/%(24|26|2B|2C|3A|3B|3D|40)/g, decodeURIComponent))
    .join('/');
  return query === '' ? encoded : `${encoded}?${query.replace(/[^\x21-\x7e]/g, encodeURIComponent)}`;
}

/** Percent-decodes as UTF-8; invalid bytes become U+FFFD. */
function decodePath(raw: string): string {
  if (!raw.includes('%') && !/[^\x20-\x7e]/.test(raw)) return raw;
  // Node gives the bytes of the request line as latin1 characters.
  const bytes = raw.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

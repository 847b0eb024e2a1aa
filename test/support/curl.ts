import { execFile } from 'node:child_process';

export interface CurlAnswer {
  /** 0: no HTTP answer came. */
  readonly status: number;
  /** The last answer's head. */
  readonly head: string;
  readonly body: string;
  /** curl's own exit status: 60 for a certificate that does not fit, 28 for its time limit. */
  readonly exit: number;
}

/** Asks with curl, as a user would. Paths are sent as they are. */
export function curl(...args: string[]): Promise<CurlAnswer> {
  const own = ['-sS', '-i', '--path-as-is', '--max-time', '60', '-w', '\n%{http_code}'];
  return new Promise((resolve) => {
    execFile('curl', [...own, ...args], { maxBuffer: 64 * 2 ** 20 }, (error, stdout) => {
      const end = stdout.lastIndexOf('\n');
      const [head, body] = lastAnswer(stdout.slice(0, end));
      resolve({ status: Number(stdout.slice(end + 1)), head, body, exit: error === null ? 0 : Number(error.code) });
    });
  });
}

/** Of several answers (redirects, challenges) the last, taken apart. */
function lastAnswer(text: string): [head: string, body: string] {
  const end = text.indexOf('\r\n\r\n');
  if (!text.startsWith('HTTP/') || end < 0) return ['', text];
  const rest = text.slice(end + 4);
  if (/^HTTP\/1\.1 \d{3}/.test(rest)) return lastAnswer(rest);
  const next = rest.search(/HTTP\/1\.1 \d{3} [A-Z]/);
  return next < 0 ? [text.slice(0, end + 2), rest] : lastAnswer(rest.slice(next));
}

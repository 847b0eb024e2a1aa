import { readFileSync, statSync } from 'node:fs';
import { type IncomingMessage, Agent as PlainAgent, request as requestPlain } from 'node:http';
import { request as requestTls, Agent as TlsAgent } from 'node:https';
import { codeOf, messageOf, printable, TallymanError } from './errors.js';
import { duration, secret } from './options.js';
import { DeliveryError, type SinkBatch } from './sink.js';
import { z } from './zod.js';

/** Bytes of an answer that are read. */
const MAX_ANSWER_BYTES = 64 * 1024;
/** Maximum length of the receiver's error text in messages. */
const MAX_WORDS = 300;
/** Statuses below 500 after which the same request may succeed. */
const PASSING = new Set([401, 403, 407, 408, 425, 429]);

const absolutePath = () => z.string().regex(/^\//, { error: 'expected an absolute path' });

const tls = z.strictObject({
  ca: absolutePath()
    .optional()
    .describe('File with the certificates (PEM) that the receiver’s must come from. Absent: the well-known ones.'),
  cert: absolutePath().optional().describe('File with the client certificate (PEM).'),
  key: absolutePath().optional().describe('File with its private key (PEM).'),
  serverName: z
    .string()
    .min(1)
    .optional()
    .describe('Name that the receiver’s certificate must have, if not that in the URL.'),
  verify: z
    .boolean()
    .default(true)
    .describe('`false`: any certificate is accepted, which lets others read and change what is sent.'),
});

const basicAuth = z
  .strictObject({
    username: z.string().min(1).describe('User name.'),
    password: secret().optional().describe('Password.'),
    passwordFile: absolutePath().optional().describe('File with the password, read again when it changes.'),
  })
  .refine(({ password, passwordFile }) => (password === undefined) !== (passwordFile === undefined), {
    error: 'expected either password or passwordFile',
  });

/** An option for the URL of an HTTP receiver. */
export const httpUrl = (example: string) =>
  z
    .url({ protocol: /^https?$/, error: `expected a URL such as ${example}` })
    .refine((url) => !/^\w+:\/\/[^/]*@/.test(url), {
      error: 'expected a URL without user and password, not this one: use basicAuth',
    });

/** The options of an `HttpSender`, to be spread into those of a sink. */
export const httpOptions = {
  headers: z
    .record(z.string(), secret())
    .default({})
    .describe('HTTP headers to send along (`{ X-Scope-OrgID: shop }`).'),
  basicAuth: basicAuth.optional().describe('User name and password, sent with each request.'),
  bearerToken: secret().optional().describe('Token that is sent as `Authorization: Bearer …`.'),
  bearerTokenFile: absolutePath().optional().describe('File with that token, read again when it changes.'),
  tls: tls.prefault({}).describe('How the receiver’s certificate is checked, and which one is shown to it.'),
  timeout: duration().prefault('10s').describe('Time limit of one request.'),
};

export type HttpOptions = z.output<z.ZodObject<typeof httpOptions>>;

/** The answer of a receiver. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** The first 64 KiB, or `maxAnswerBytes` of the request. */
  readonly body: Buffer;
}

/** An answer with a status other than 200 to 299. */
export class HttpRefusal extends DeliveryError {
  constructor(
    message: string,
    readonly answer: HttpAnswer,
    options: ConstructorParameters<typeof DeliveryError>[1],
  ) {
    super(message, options);
  }
}

export interface HttpRequest {
  readonly url: string;
  readonly body: SinkBatch['body'];
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly method?: 'POST' | 'PUT';
  /** Maximum size of the kept answer in bytes; default 64 KiB. */
  readonly maxAnswerBytes?: number;
}

/**
 * Sends batches over HTTP: connections are kept, certificates, tokens and passwords are read again when their files change, and what
 * the receiver answers becomes a `DeliveryError` that says whether the batch may be sent again. Redirects are not followed.
 */
export class HttpSender {
  private agents: { plain: PlainAgent; tls: TlsAgent } | undefined;
  private readonly files = new Map<string, { stamp: string; content: string }>();

  /** @param sockets number of kept connections: that of concurrent batches */
  constructor(
    private readonly options: HttpOptions,
    private readonly sockets = 1,
  ) {}

  /**
   * Sends one request. @returns an answer with a status of 200 to 299
   * @throws HttpRefusal for another answer, DeliveryError for everything else
   */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    const { timeout } = this.options;
    const limit = AbortSignal.timeout(timeout);
    try {
      const answer = await this.exchange(request, AbortSignal.any([request.signal, limit]));
      assertTaken(request.url, answer);
      return answer;
    } catch (error) {
      if (error instanceof DeliveryError || request.signal.aborted) throw error;
      const reason = limit.aborted ? `did not answer within ${timeout} ms` : explain(error);
      throw new DeliveryError(`${originOf(request.url)} ${reason}`, { cause: error });
    }
  }

  /** Closes all connections. */
  close(): void {
    this.agents?.plain.destroy();
    this.agents?.tls.destroy();
    this.agents = undefined;
  }

  private exchange(
    { url, body, headers, method = 'POST', maxAnswerBytes = MAX_ANSWER_BYTES }: HttpRequest,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    const isTls = url.startsWith('https:');
    const agents = this.currentAgents();
    const request = (isTls ? requestTls : requestPlain)(url, {
      method,
      agent: isTls ? agents.tls : agents.plain,
      headers: {
        'User-Agent': 'tallyman',
        ...this.options.headers,
        ...this.authorization(),
        ...headers,
        'Content-Length': body.length,
      },
      signal,
    });
    return new Promise((resolve, reject) => {
      request.on('error', reject);
      request.on('response', (response) => {
        readAnswer(response, maxAnswerBytes).then(resolve, reject);
      });
      request.end(body);
    });
  }

  private authorization(): Record<string, string> {
    const { basicAuth, bearerToken, bearerTokenFile } = this.options;
    if (basicAuth !== undefined) {
      const password = basicAuth.password ?? this.contentOf(basicAuth.passwordFile!).trimEnd();
      return { Authorization: `Basic ${Buffer.from(`${basicAuth.username}:${password}`).toString('base64')}` };
    }
    const token = bearerToken ?? (bearerTokenFile && this.contentOf(bearerTokenFile).trim());
    return token === undefined ? {} : { Authorization: `Bearer ${token}` };
  }

  /** Agents with the certificates as their files are now. */
  private currentAgents(): { plain: PlainAgent; tls: TlsAgent } {
    const { ca, cert, key, serverName, verify } = this.options.tls;
    const paths = [ca, cert, key].filter((path) => path !== undefined);
    const before = paths.map((path) => this.files.get(path)?.stamp).join();
    for (const path of paths) this.contentOf(path);
    const isChanged = paths.map((path) => this.files.get(path)!.stamp).join() !== before;
    if (this.agents === undefined || isChanged) {
      this.close();
      const kept = { keepAlive: true, maxFreeSockets: this.sockets };
      this.agents = {
        plain: new PlainAgent(kept),
        tls: new TlsAgent({
          ...kept,
          rejectUnauthorized: verify,
          ...(ca !== undefined && { ca: this.contentOf(ca) }),
          ...(cert !== undefined && { cert: this.contentOf(cert) }),
          ...(key !== undefined && { key: this.contentOf(key) }),
          ...(serverName !== undefined && { servername: serverName }),
        }),
      };
    }
    return this.agents;
  }

  private contentOf(path: string): string {
    try {
      const { mtimeMs, size, ino } = statSync(path);
      const stamp = `${mtimeMs} ${size} ${ino}`;
      const known = this.files.get(path);
      if (known?.stamp === stamp) return known.content;
      const content = readFileSync(path, 'utf8');
      this.files.set(path, { stamp, content });
      return content;
    } catch (error) {
      throw new TallymanError(`cannot be asked: ${messageOf(error)}`, { cause: error });
    }
  }
}

async function readAnswer(response: IncomingMessage, maxBytes: number): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (length < maxBytes) chunks.push(chunk);
    length += chunk.length;
    // An endless answer would delay the batch until the time limit.
    if (length > 16 * maxBytes) {
      response.destroy();
      break;
    }
  }
  const body = Buffer.concat(chunks).subarray(0, maxBytes);
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}

function assertTaken(url: string, answer: HttpAnswer): void {
  const { status, headers, body } = answer;
  const isPage = /^text\/html/.test(headers['content-type'] ?? '');
  if (status >= 200 && status <= 299 && !isPage) return;
  const words = wordsOf(body.toString());
  const said = `${originOf(url)} answers ${status}${words === '' ? '' : `: ${words}`}`;
  if (status >= 200 && status <= 299) {
    throw new HttpRefusal(`${said} (a web page, as no receiver answers)`, answer, {
      hint: 'is the path of the URL right?',
    });
  }
  if (status >= 300 && status <= 399) {
    const hint = `redirects are not followed; here to ${headers.location ?? '?'}`;
    throw new HttpRefusal(said, answer, { hint });
  }
  const permanent = status < 500 && !PASSING.has(status);
  throw new HttpRefusal(said, answer, { permanent, retryAfterMs: retryAfterMs(headers['retry-after']) });
}

/** The receiver's error text as one line without markup. */
function wordsOf(text: string): string {
  const plain = text
    .replace(/<(script|style|head)\b[\s\S]*?<\/\1\s*>/gi, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return printable(plain.length > MAX_WORDS ? `${plain.slice(0, MAX_WORDS)}…` : plain);
}

/** `Retry-After` in ms; 0 when it is missing. */
function retryAfterMs(header: string | undefined): number {
  if (header === undefined) return 0;
  const delayMs = /^\s*\d+(\.\d+)?\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(delayMs) ? 0 : Math.max(delayMs, 0);
}

/** The part of a URL that may be logged; queries may contain keys. */
function originOf(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

function explain(error: unknown): string {
  switch (codeOf(error)) {
    case 'ECONNREFUSED':
      return 'cannot be reached: nothing listens there';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'cannot be reached: the name is not known';
    case 'ECONNRESET':
    case 'EPIPE':
      return 'closed the connection';
    default:
      return `cannot be reached: ${messageOf(error)}`;
  }
}

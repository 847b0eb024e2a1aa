import type { IncomingMessage, ServerResponse } from 'node:http';
import { isLoopbackHost, type WebConfig } from '../../config/index.js';
import { type Logger, RequestError } from '../../contracts/index.js';
import { Authenticator, type Credentials, type Verdict } from './authenticator.js';
import { LoginMemory } from './login-memory.js';
import { isCrossOrigin, isKnownHost, isPreflight, ruleFor, setHeaders } from './request-checks.js';
import type { SecretPlaces } from './secret-file.js';

const WARNING_INTERVAL_MS = 10_000;

/** Access control: checks every request before it is routed. */
export class Gate {
  private readonly authenticator: Authenticator;
  /** Attempts whose password is being checked, by client address and header. */
  private readonly pendingAttempts = new Map<string, Promise<Verdict>>();
  private lastWarnedAt = Number.NEGATIVE_INFINITY;
  private suppressedWarnings = 0;

  /** @throws ConfigError when a file cannot be used */
  constructor(
    private readonly options: WebConfig,
    places: SecretPlaces,
    private readonly logger: Logger,
    private readonly memory = new LoginMemory(),
  ) {
    this.authenticator = new Authenticator(options, places, logger, memory);
  }

  get authenticates(): boolean {
    return this.authenticator.isEnabled;
  }

  /**
   * Sets the headers of every answer and checks what does not depend on the path.
   * @returns true when the request is a CORS preflight, which the headers answer
   * @throws RequestError 421 for an unknown host name
   */
  receive(request: IncomingMessage, response: ServerResponse): boolean {
    const { hosts, cors } = this.options;
    setHeaders(request, response, cors.origins);
    const { host } = request.headers;
    if (!isKnownHost(host, request.socket.localAddress, hosts)) {
      throw new RequestError(421, `this is not ${host}: add the name to web.hosts if it should be`);
    }
    return isPreflight(request, response);
  }

  /**
   * Checks whether the client may access the path.
   * @param path clean, without the URL prefix
   * @returns whether the client is authenticated; over a unix socket by the mode of its file. A promise where a password
   *   must be checked
   * @throws RequestError 401 with a challenge, 403, 429, 503
   */
  admit(request: IncomingMessage, response: ServerResponse, path: string): boolean | Promise<boolean> {
    const { allow, users } = ruleFor(path, this.options.auth.rules);
    if (allow === 'nobody') throw new RequestError(403, `access to ${path} is denied by web.auth.rules`);
    if (allow === 'anyone' || !this.authenticates) return request.socket.localAddress === undefined;
    const authorize = (verdict: Verdict): true => {
      const user = this.userOf(verdict, response);
      if (users.length > 0 && !users.includes(user))
        throw new RequestError(403, `${user} is not allowed to access ${path}`);
      return true;
    };
    const verdict = this.authenticate(request, response);
    return verdict instanceof Promise ? verdict.then(authorize) : authorize(verdict);
  }

  /**
   * Protects requests that change the agent: against cross-site requests, and against other hosts without authentication.
   * @throws RequestError 403
   */
  protect(request: IncomingMessage): void {
    if (isCrossOrigin(request)) throw new RequestError(403, 'requests from pages of another origin are not allowed');
    const { localAddress } = request.socket;
    if (this.authenticates || localAddress === undefined || isLocal(request)) return;
    throw new RequestError(
      403,
      'without authentication this is allowed from this host only: connect over loopback or a unix socket',
    );
  }

  refresh(): void {
    this.authenticator.refresh();
  }

  private userOf(verdict: Verdict, response: ServerResponse): string {
    if (typeof verdict === 'object') return verdict.user;
    response.setHeader('WWW-Authenticate', this.authenticator.challenges(verdict === 'stale'));
    throw new RequestError(401, '401 Unauthorized');
  }

  /** Checks the credentials of the request. @throws RequestError 429 while attempts are delayed */
  private authenticate(request: IncomingMessage, response: ServerResponse): Verdict | Promise<Verdict> {
    const credentials = this.authenticator.credentialsOf(request);
    const recognised = this.authenticator.recognise(request, credentials);
    if (recognised !== undefined || credentials === undefined) return recognised ?? 'none';
    const key = `${credentials.address} ${request.headers.authorization}`;
    const pending = this.pendingAttempts.get(key);
    // A browser page sends several requests at once with the same password: they count as one attempt.
    if (pending !== undefined && credentials.scheme === 'basic') return pending;
    const seconds = Math.ceil(this.memory.throttle.delayMs(credentials) / 1000);
    if (seconds > 0) {
      response.setHeader('Retry-After', seconds);
      throw new RequestError(429, `too many failed attempts from ${credentials.address}: try again in ${seconds} s`);
    }
    const attempt = this.attempt(request, credentials).finally(() => this.pendingAttempts.delete(key));
    this.pendingAttempts.set(key, attempt);
    return attempt;
  }

  private async attempt(request: IncomingMessage, credentials: Credentials): Promise<Verdict> {
    const { throttle } = this.memory;
    const startsDelay = throttle.begin(credentials);
    const verdict = await this.authenticator.verify(request, credentials);
    if (verdict === 'wrong' && startsDelay) this.warn(credentials.address);
    // A stale nonce still proves the password.
    if (verdict !== 'wrong') throttle.succeed(credentials);
    return verdict;
  }

  private warn(address: string): void {
    const now = performance.now();
    if (now - this.lastWarnedAt < WARNING_INTERVAL_MS) {
      this.suppressedWarnings++;
      return;
    }
    const others = this.suppressedWarnings === 0 ? '' : ` (${this.suppressedWarnings} similar warnings suppressed)`;
    this.logger.warn(`repeated authentication failures from ${address}: its attempts are delayed${others}`);
    this.lastWarnedAt = now;
    this.suppressedWarnings = 0;
  }
}

function isLocal({ socket }: IncomingMessage): boolean {
  return isLoopbackHost(socket.localAddress ?? '') && isLoopbackHost(socket.remoteAddress ?? '');
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import { isLoopbackHost } from '../../config/index.js';
import { type Logger, RequestError } from '../../contracts/index.js';
import { Authenticator, type Credentials, type Verdict } from './authenticator.js';
import { isFromElsewhere, isPreflight, setHeaders } from './headers.js';
import { isKnownHost } from './hosts.js';
import { LoginMemory } from './login-memory.js';
import type { SecurityOptions } from './options.js';
import { ruleFor } from './rules.js';
import type { SecretPlaces } from './secret-file.js';

/** Warnings about addresses that fail are at least this many ms apart. */
const WARN_EVERY = 10_000;

/** Decides about every request before anything else looks at it. */
export class Gate {
  private readonly authenticator: Authenticator;
  /** Attempts whose password is being checked, by address and header. */
  private readonly underWay = new Map<string, Promise<Verdict>>();
  private warnedAt = Number.NEGATIVE_INFINITY;
  private unsaid = 0;

  /**
   * @throws ConfigError when a file cannot be used
   */
  constructor(
    private readonly options: SecurityOptions,
    places: SecretPlaces,
    private readonly logger: Logger,
    private readonly memory = new LoginMemory(),
  ) {
    this.authenticator = new Authenticator(options, places, logger, memory);
  }

  /** Whether anybody is asked who they are. */
  get asksWho(): boolean {
    return this.authenticator.asksWho;
  }

  /**
   * Sets the headers that every answer has, and refuses what no path could make good.
   * @returns true when the request is only a browser's question that is answered by the headers
   * @throws RequestError 421
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
   * Lets in who may see the path.
   * @param path clean, without the URL prefix
   * @returns whether the client proved who it is; over a unix socket the mode of its file has
   * @throws RequestError 401 with a challenge, 403, 429, 503; where a password has to be checked its promise rejects
   */
  admit(request: IncomingMessage, response: ServerResponse, path: string): boolean | Promise<boolean> {
    const { allow, users } = ruleFor(path, this.options.auth.rules);
    if (allow === 'nobody') throw new RequestError(403, `nobody may see ${path}`);
    if (allow === 'anyone' || !this.authenticator.asksWho) return request.socket.localAddress === undefined;
    const decide = (verdict: Verdict): true => {
      const user = this.userOf(verdict, response);
      if (users.length > 0 && !users.includes(user)) throw new RequestError(403, `${user} may not see ${path}`);
      return true;
    };
    const verdict = this.judge(request, response);
    return verdict instanceof Promise ? verdict.then(decide) : decide(verdict);
  }

  /**
   * Refuses what changes the agent unless it comes from who may change it.
   * @throws RequestError 403
   */
  protect(request: IncomingMessage): void {
    if (isFromElsewhere(request)) throw new RequestError(403, 'a page of another origin may not do this');
    const { localAddress } = request.socket;
    if (this.authenticator.asksWho || localAddress === undefined || isLocal(request)) return;
    throw new RequestError(
      403,
      'without authentication only this host may do this: connect over loopback or a unix socket',
    );
  }

  /** Reads the files anew that have changed. */
  refresh(): void {
    this.authenticator.refresh();
  }

  private userOf(verdict: Verdict, response: ServerResponse): string {
    if (typeof verdict === 'object') return verdict.user;
    response.setHeader('WWW-Authenticate', this.authenticator.challenges(verdict === 'stale'));
    throw new RequestError(401, '401 Unauthorized');
  }

  /** Judges what the request shows, unless that may be a guess and has to wait. @throws RequestError 429 */
  private judge(request: IncomingMessage, response: ServerResponse): Verdict | Promise<Verdict> {
    const shown = this.authenticator.credentialsOf(request);
    const recognised = this.authenticator.recognise(request, shown);
    if (recognised !== undefined || shown === undefined) return recognised ?? 'none';
    const key = `${shown.address} ${request.headers.authorization}`;
    const underWay = this.underWay.get(key);
    // A page asks for ten things at once: that is one attempt.
    if (underWay !== undefined && shown.way === 'basic') return underWay;
    const seconds = Math.ceil(this.memory.throttle.waitOf(shown) / 1000);
    if (seconds > 0) {
      response.setHeader('Retry-After', seconds);
      throw new RequestError(429, `too many failed attempts from ${shown.address}: try again in ${seconds} s`);
    }
    const attempt = this.attempt(request, shown).finally(() => this.underWay.delete(key));
    this.underWay.set(key, attempt);
    return attempt;
  }

  private async attempt(request: IncomingMessage, shown: Credentials): Promise<Verdict> {
    const { throttle } = this.memory;
    const isBlocked = throttle.begin(shown);
    const verdict = await this.authenticator.verify(request, shown);
    if (verdict === 'wrong' && isBlocked) this.warn(shown.address);
    // A stale nonce came with the right password.
    if (verdict !== 'wrong') throttle.succeed(shown);
    return verdict;
  }

  private warn(address: string): void {
    const now = performance.now();
    if (now - this.warnedAt < WARN_EVERY) {
      this.unsaid++;
      return;
    }
    const others = this.unsaid === 0 ? '' : `; so do ${this.unsaid} others`;
    this.logger.warn(`${address} fails to authenticate again and again and has to wait between its attempts${others}`);
    this.warnedAt = now;
    this.unsaid = 0;
  }
}

function isLocal({ socket }: IncomingMessage): boolean {
  return isLoopbackHost(socket.localAddress ?? '') && isLoopbackHost(socket.remoteAddress ?? '');
}

import { isLoopbackHost } from '../../kernel/config/index.js';
import { codeOf, messageOf, TallymanError } from '../../kernel/contracts/index.js';
import type { CliEnvironment } from '../environment.js';
import type { AskFlags } from '../flags.js';
import { type Credentials, readCredentials } from './credentials.js';
import { localCredentials } from './local-agent.js';
import { type Method, type Reply, send } from './request.js';
import { hostOf, nameOf, type Target } from './target.js';

export { localTarget, requireTarget } from './local-agent.js';
export type { Reply } from './request.js';
export { nameOf, pathOfContainer, routeOf, type Target, targetOf, targetOfAgent } from './target.js';

const UNAUTHORIZED = 401;
const CREDENTIALS_HINT =
  '--token-file FILE, --user NAME --password-file FILE, or --cert FILE --key FILE authenticate; on the agent’s own host, its bearer or Digest file is used if you may read it';

/** Requests to one agent. Credentials that were accepted are kept. */
export class AgentSession {
  private readonly given: Credentials;
  private credentials: Credentials;

  /** @throws TallymanError when a file of credentials cannot be read */
  constructor(
    agent: Target,
    private readonly flags: AskFlags,
    private readonly cli: CliEnvironment,
  ) {
    this.given = readCredentials(flags);
    this.credentials = this.given;
    warnOfPlainText(agent, this.given, cli);
  }

  /**
   * Sends a request with the credentials of the flags. When the agent asks for others, those in the configuration of the
   * agent on this host are used.
   * @returns the answer, with any status but 401
   * @throws TallymanError when nothing answers, or a certificate or the credentials are not accepted
   */
  async ask(target: Target, method: Method = 'GET'): Promise<Reply> {
    const first = await attempt(target, method, this.credentials);
    if (!isRefusal(first)) return settled(target, first, '');
    let reason = '';
    let known: Credentials | undefined;
    try {
      known = await localCredentials(target, this.flags, this.cli);
    } catch (error) {
      reason = `; the agent’s own files cannot be used: ${messageOf(error)}`;
    }
    if (known === undefined) return settled(target, first, reason);
    // An authority that the user named replaces the certificate.
    const { certificate, ...rest } = known;
    const { given } = this;
    this.credentials = {
      ...(given.ca === undefined && certificate !== undefined && { certificate }),
      ...rest,
      ...given,
    };
    return settled(target, await attempt(target, method, this.credentials), reason);
  }

  /** The text of an agent's answer. @throws TallymanError when there is none, or its status is not 200 */
  async textOf(target: Target): Promise<string> {
    const { status, text } = await this.ask(target);
    if (status !== 200) throw new TallymanError(`${nameOf(target)} answers ${status}: ${text.trim()}`);
    return text;
  }
}

export async function ask(target: Target, flags: AskFlags, cli: CliEnvironment, method?: Method): Promise<Reply> {
  return new AgentSession(target, flags, cli).ask(target, method);
}

export async function textOf(target: Target, flags: AskFlags, cli: CliEnvironment): Promise<string> {
  return new AgentSession(target, flags, cli).textOf(target);
}

type Outcome = Reply | { readonly failure: unknown };

async function attempt(target: Target, method: Method, credentials: Credentials): Promise<Outcome> {
  try {
    return await send(target, method, credentials);
  } catch (failure) {
    return { failure };
  }
}

/** Whether other credentials may help. */
function isRefusal(outcome: Outcome): boolean {
  return 'failure' in outcome ? isAboutTls(outcome.failure) : outcome.status === UNAUTHORIZED;
}

function isAboutTls(error: unknown): boolean {
  return /^(ERR_(SSL|TLS)_|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_)/.test(codeOf(error) ?? '');
}

function settled(target: Target, outcome: Outcome, reason: string): Reply {
  if ('failure' in outcome) throw explained(target, outcome.failure, reason);
  if (outcome.status !== UNAUTHORIZED) return outcome;
  throw new TallymanError(`${nameOf(target)} requires authentication${reason}`, { hint: CREDENTIALS_HINT });
}

function explained(target: Target, error: unknown, reason: string): TallymanError {
  if (error instanceof TallymanError) {
    const { hint } = error;
    return new TallymanError(`${nameOf(target)}: ${error.message}`, hint === undefined ? {} : { hint });
  }
  const { reason: alert } = error as { reason?: string };
  const text = `${(alert ?? messageOf(error)) || codeOf(error)}${reason}`;
  if (/CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE/.test(codeOf(error) ?? '')) {
    return new TallymanError(`${nameOf(target)} requires a client certificate: ${text}`, {
      hint: '--cert FILE --key FILE',
    });
  }
  if (isAboutTls(error)) {
    return new TallymanError(`${nameOf(target)} cannot be verified as the agent: ${text}`, {
      hint: '--ca FILE names the authority that signed its certificate',
    });
  }
  return new TallymanError(`no agent answers at ${nameOf(target)}: ${text}`, {
    hint: '`systemctl status tallyman` shows its addresses; doctor and cardinality need no running agent without --url',
  });
}

/** Says on standard error that a password or token would be readable on the network. */
function warnOfPlainText({ url, socket }: Target, { token, password }: Credentials, cli: CliEnvironment): void {
  const isPlainText = socket === undefined && url.protocol === 'http:' && !isLoopbackHost(hostOf(url));
  if (!isPlainText || (token === undefined && password === undefined)) return;
  cli.error(`tallyman: ${url.host} is asked without TLS: the credentials can be read on the network\n`);
}

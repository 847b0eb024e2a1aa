import { isLoopbackHost } from '../../kernel/config/index.js';
import { codeOf, messageOf, TallymanError } from '../../kernel/contracts/index.js';
import type { CliEnvironment } from '../environment.js';
import { localProof } from './local-agent.js';
import type { AskFlags } from './options.js';
import { type Proof, proofOf } from './proof.js';
import { type Method, type Reply, send } from './request.js';
import { nameOf, type Target } from './target.js';

export type { AskFlags } from './options.js';
export type { Reply } from './request.js';
export { nameOf, routeOf, type Target, targetOf, targetOfAgent } from './target.js';

const UNAUTHORIZED = 401;
const HOW_TO_PROVE =
  '--token-file FILE, --user NAME --password-file FILE, or --cert FILE --key FILE say who asks; on the agent’s own host its bearer or Digest file does, for who may read it';

/**
 * Asks an agent. Who asks is proven by the flags; where they say nothing, by what the configuration of the agent on this
 * host holds, once the agent has asked for it.
 * @returns the answer, of whatever status
 * @throws TallymanError when nothing answers, when the certificate does not fit, or when it is not known who asks
 */
export async function ask(
  target: Target,
  flags: AskFlags,
  cli: CliEnvironment,
  method: Method = 'GET',
): Promise<Reply> {
  const given = proofOf(flags);
  warnOfPlainText(target, given, cli);
  const first = await attempt(target, method, given);
  if (!isRefusal(first)) return settled(target, first, '');
  let reason = '';
  let known: Proof | undefined;
  try {
    known = await localProof(target, flags, cli);
  } catch (error) {
    reason = `; the agent’s own files are of no use: ${messageOf(error)}`;
  }
  if (known === undefined) return settled(target, first, reason);
  // An authority that was named decides alone.
  const { certificate, ...rest } = known;
  const proof = { ...(given.ca === undefined && certificate !== undefined && { certificate }), ...rest, ...given };
  return settled(target, await attempt(target, method, proof), reason);
}

/** What an agent answers. @throws TallymanError when it does not, or not with 200 */
export async function textOf(target: Target, flags: AskFlags, cli: CliEnvironment): Promise<string> {
  const { status, text } = await ask(target, flags, cli);
  if (status !== 200) throw new TallymanError(`${nameOf(target)} answers ${status}: ${text.trim()}`);
  return text;
}

type Outcome = Reply | { readonly failure: unknown };

async function attempt(target: Target, method: Method, proof: Proof): Promise<Outcome> {
  try {
    return await send(target, method, proof);
  } catch (failure) {
    return { failure };
  }
}

/** Whether it may be for want of a proof. */
function isRefusal(outcome: Outcome): boolean {
  return 'failure' in outcome ? isAboutTls(outcome.failure) : outcome.status === UNAUTHORIZED;
}

function isAboutTls(error: unknown): boolean {
  return /^(ERR_(SSL|TLS)_|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_)/.test(codeOf(error) ?? '');
}

function settled(target: Target, outcome: Outcome, reason: string): Reply {
  if ('failure' in outcome) throw explained(target, outcome.failure, reason);
  if (outcome.status !== UNAUTHORIZED) return outcome;
  throw new TallymanError(`${nameOf(target)} wants to know who asks${reason}`, { hint: HOW_TO_PROVE });
}

function explained(target: Target, error: unknown, reason: string): TallymanError {
  if (error instanceof TallymanError) {
    const { hint } = error;
    return new TallymanError(`${nameOf(target)}: ${error.message}`, hint === undefined ? {} : { hint });
  }
  const { reason: alert } = error as { reason?: string };
  const text = `${(alert ?? messageOf(error)) || codeOf(error)}${reason}`;
  if (/CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE/.test(codeOf(error) ?? '')) {
    return new TallymanError(`${nameOf(target)} wants a client certificate: ${text}`, {
      hint: '--cert FILE --key FILE',
    });
  }
  if (isAboutTls(error)) {
    return new TallymanError(`${nameOf(target)} is not known to be the agent: ${text}`, {
      hint: '--ca FILE names the authority that signed its certificate',
    });
  }
  return new TallymanError(`no agent answers at ${nameOf(target)}: ${text}`, {
    hint: 'see `systemctl status tallyman` for where it serves; doctor and cardinality need none without --url',
  });
}

function warnOfPlainText({ url, socket }: Target, { token, password }: Proof, cli: CliEnvironment): void {
  const isOpen =
    socket === undefined && url.protocol === 'http:' && !isLoopbackHost(url.hostname.replace(/^\[|\]$/g, ''));
  if (!isOpen || (token === undefined && password === undefined)) return;
  cli.error(`tallyman: ${url.host} is asked without TLS: whoever is on the way can read what proves who asks\n`);
}

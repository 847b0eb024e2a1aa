import type { Command } from 'commander';
import type { ConfigFlags } from '../flags.js';

/** The flags of commands that ask a running agent. */
export interface AskFlags extends ConfigFlags {
  /** Of the running agent: `http://127.0.0.1:8080`, `unix:/run/tallyman/http.sock`. */
  readonly url?: string;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly tokenFile?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Adds `--url` and the flags that prove to that agent who asks. */
export function addAskOptions(command: Command, url: string): Command {
  return addProofOptions(command.option('--url <url>', url));
}

/** Adds the flags that prove to an agent who asks. Secrets are named by file: command lines are seen by all. */
export function addProofOptions(command: Command): Command {
  return command
    .option('--user <name>', 'the user who asks, by a password or by the token of that name')
    .option('--password-file <file>', 'with --user: file of the password, for Basic and Digest authentication')
    .option('--token-file <file>', 'file of a bearer token, or of several that have names')
    .option('--ca <file>', 'PEM file of the authority that signed the agent’s certificate')
    .option('--cert <file>', 'PEM file of a client certificate')
    .option('--key <file>', 'with --cert: PEM file of its private key');
}

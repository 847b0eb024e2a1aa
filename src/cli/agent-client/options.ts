import type { Command } from 'commander';
import type { ConfigFlags } from '../flags.js';

/** Flags of commands that send requests to a running agent. */
export interface AskFlags extends ConfigFlags {
  /** Address of the agent: `http://127.0.0.1:8080`, `unix:/run/tallyman/http.sock`. */
  readonly url?: string;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly tokenFile?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Flags of commands that print an agent's answer. */
export interface AnswerFlags extends AskFlags {
  readonly json?: boolean;
}

/** Adds `--url` and the flags for authentication. */
export function addAskOptions(command: Command, url: string): Command {
  return addCredentialOptions(command.option('--url <url>', url));
}

/** Adds the flags for authentication. Secrets are read from files, because every user can read command lines. */
export function addCredentialOptions(command: Command): Command {
  return command
    .option('--user <name>', 'user for --password-file, or name of the token in --token-file')
    .option('--password-file <file>', 'with --user: file with the password, for Basic and Digest authentication')
    .option('--token-file <file>', 'file with a bearer token, or with several named ones')
    .option('--ca <file>', 'PEM file of the authority that signed the agent’s certificate')
    .option('--cert <file>', 'PEM file of a client certificate')
    .option('--key <file>', 'with --cert: PEM file of its private key');
}

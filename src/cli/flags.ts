/** Flags that override the configuration. Each has an environment variable, too. */
export interface ConfigFlags {
  readonly config?: string;
  readonly listen?: readonly string[];
  readonly port?: string;
  readonly logLevel?: string;
  /** `true` for the flag; the text of the variable otherwise. */
  readonly allowUnauthenticated?: true | string;
}

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

/** Splits `a:1,b:2`. */
export function splitAddresses(text: string): string[] {
  return text.split(',').map((part) => part.trim());
}

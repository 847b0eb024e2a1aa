/** Flags that override the configuration. Each has an environment variable, too. */
export interface ConfigFlags {
  readonly config?: string;
  readonly listen?: readonly string[];
  readonly port?: string;
  readonly logLevel?: string;
  /** `true` for the flag; the text of the variable otherwise. */
  readonly allowUnauthenticated?: true | string;
}

/** Splits `a:1,b:2`. */
export function splitAddresses(text: string): string[] {
  return text.split(',').map((part) => part.trim());
}

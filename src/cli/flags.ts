/** The flags that change the configuration; each is a variable too. */
export interface ConfigFlags {
  readonly config?: string;
  readonly listen?: readonly string[];
  readonly port?: string;
  readonly logLevel?: string;
  /** `true` for the flag; the text of the variable. */
  readonly allowUnauthenticated?: true | string;
}

/** The addresses of `a:1,b:2`. */
export function splitAddresses(text: string): string[] {
  return text.split(',').map((part) => part.trim());
}

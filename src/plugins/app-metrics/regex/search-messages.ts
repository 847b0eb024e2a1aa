/** Asks the search thread for the first group of the first match. */
export interface ToThread {
  readonly regex: string;
  /** Absent: the text of the message before. */
  readonly text?: string;
}

/** Its first message is `ready`; each further one answers a question. */
export type FromThread =
  | { readonly kind: 'ready'; readonly thread: number }
  | { readonly kind: 'found'; readonly found: string | undefined }
  | { readonly kind: 'unusable'; readonly reason: string };

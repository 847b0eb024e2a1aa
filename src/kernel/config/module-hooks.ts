// Also runs in the thread of Node's module hooks, where it must not import the rest of the agent.
import type { InitializeHook, LoadHook } from 'node:module';
import { fileURLToPath } from 'node:url';
import { findUntrusted } from './distrust.js';

const REFUSED = 'module refused: running as root, and';

/** Rejects module files that users other than root could change; each file is checked once. */
export class ModuleCheck {
  private readonly trusted = new Set<string>();

  /** @param exempt a folder whose files are not checked, ending in `/` */
  constructor(private readonly exempt: string | undefined) {}

  /** @throws Error that names the file and the fix */
  file(file: string): void {
    if (this.trusted.has(file) || (this.exempt !== undefined && file.startsWith(this.exempt))) return;
    const untrusted = findUntrusted(file);
    if (untrusted.length > 0) {
      const reasons = untrusted.map(({ reason }) => reason).join('; ');
      throw new Error(`${REFUSED} ${reasons}: ${untrusted.map(({ fix }) => fix).join(' && ')}`);
    }
    this.trusted.add(file);
  }

  url(url: string): void {
    if (url.startsWith('file:')) this.file(fileURLToPath(url));
  }
}

/** Whether an import failed because a module was rejected. Errors lose their class between threads, so the text decides. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof Error && error.message.startsWith(REFUSED);
}

let check = new ModuleCheck(undefined);

export const initialize: InitializeHook<string | undefined> = (exempt) => {
  check = new ModuleCheck(exempt);
};

export const load: LoadHook = (url, context, nextLoad) => {
  check.url(url);
  return nextLoad(url, context);
};

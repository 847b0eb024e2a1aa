// Imports nothing of the agent but this: the thread that checks modules loads it, too.
import { fileURLToPath } from 'node:url';
import { findDistrust } from './distrust.js';

const REFUSED = 'module refused: running as root, and';

/** Refuses files of modules that somebody other than root could change; each is judged once. */
export class ModuleCheck {
  private readonly trusted = new Set<string>();

  /** @param exempt a folder whose files are not judged, ending in `/` */
  constructor(private readonly exempt: string | undefined) {}

  /** @throws Error that names the file and how to mend it */
  file(file: string): void {
    if (this.trusted.has(file) || (this.exempt !== undefined && file.startsWith(this.exempt))) return;
    const distrust = findDistrust(file);
    if (distrust.length > 0) {
      const reasons = distrust.map(({ reason }) => reason).join('; ');
      throw new Error(`${REFUSED} ${reasons}: ${distrust.map(({ fix }) => fix).join(' && ')}`);
    }
    this.trusted.add(file);
  }

  url(url: string): void {
    if (url.startsWith('file:')) this.file(fileURLToPath(url));
  }
}

/** Whether an import failed because a module was refused; errors lose their class on the way between threads. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof Error && error.message.startsWith(REFUSED);
}

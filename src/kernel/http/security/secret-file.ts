import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { assertTrusted, ConfigError } from '../../config/index.js';
import { type Logger, messageOf } from '../../contracts/index.js';

const CREDENTIAL = 'credential:';
const MAX_BYTES = 4 * 2 ** 20;
const READABLE_BY_OTHERS = 0o004;

/** Where secrets are: paths count from `directory`, credentials from `$CREDENTIALS_DIRECTORY`. */
export interface SecretPlaces {
  readonly directory: string;
  readonly credentials: string | undefined;
}

/**
 * The path that an option names.
 * @param option how errors call the option: `web.auth.basic.file`
 * @throws ConfigError when it names a systemd credential and there are none
 */
export function secretPath(option: string, spec: string, { directory, credentials }: SecretPlaces): string {
  if (!spec.startsWith(CREDENTIAL)) return resolve(directory, spec);
  const name = spec.slice(CREDENTIAL.length);
  if (credentials !== undefined && credentials !== '') return join(credentials, name);
  const message = `${option} names the systemd credential ${JSON.stringify(name)}, but the agent was started without any`;
  const hint = `add LoadCredential=${name}:/etc/tallyman/${name} to the [Service] section of the unit`;
  throw new ConfigError([{ source: option, path: '', message, hint }]);
}

/**
 * A file that is read again whenever it changed. What it held last counts until it can be read and understood again:
 * a certificate is not renewed in one step with its key, and an editor may save half a file.
 */
export class SecretFile {
  content: Buffer = Buffer.alloc(0);
  private stamp = '';
  private complaint = '';

  constructor(
    readonly option: string,
    readonly path: string,
    /** The file holds something that only the agent and its administrator may see. */
    private readonly isSecret: boolean,
    private readonly logger: Logger,
  ) {}

  /** Reads the file for the first time. @throws ConfigError when it cannot be used */
  load(): void {
    try {
      this.stamp = this.currentStamp();
      this.content = this.read();
    } catch (error) {
      throw this.error(error);
    }
  }

  /** Whether the file is another one than the one that was read last. Says so once when it cannot be looked at. */
  hasChanged(): boolean {
    try {
      return this.currentStamp() !== this.stamp;
    } catch (error) {
      this.complain(error);
      return false;
    }
  }

  /** Reads it again. What was there before counts until the new content is accepted. @throws the reason */
  reread(): { readonly content: Buffer; accept(): void } {
    const stamp = this.currentStamp();
    const content = this.read();
    return {
      content,
      accept: () => {
        this.stamp = stamp;
        this.content = content;
        this.complaint = '';
      },
    };
  }

  /** Logs why the file's new content is not used, once for each reason. */
  complain(error: unknown): void {
    const reason = messageOf(error);
    if (reason === this.complaint) return;
    this.complaint = reason;
    this.logger.error(`${this.option}: ${this.path} cannot be used as it is now; what it held before counts on`, {
      error: reason,
    });
  }

  error(error: unknown): ConfigError {
    const { option, path } = this;
    const hint = (error as { hint?: string }).hint;
    const message = `${path} cannot be used: ${messageOf(error)}`;
    return new ConfigError([{ source: option, path: '', message, ...(hint === undefined ? {} : { hint }) }]);
  }

  private currentStamp(): string {
    const { ino, size, mtimeMs, ctimeMs } = statSync(this.path);
    return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
  }

  private read(): Buffer {
    assertTrusted(this.path, 'file');
    const { size, mode } = statSync(this.path);
    if (size > MAX_BYTES) throw new Error('it is larger than 4 MiB');
    if (this.isSecret && (mode & READABLE_BY_OTHERS) !== 0) {
      this.logger.warn(`${this.option}: every user of this host can read ${this.path}`, {
        hint: `chmod o-r ${this.path}`,
      });
    }
    return readFileSync(this.path);
  }
}

/** A secret file and what it means. */
export class ParsedFile<T> {
  value: T;

  /** @throws ConfigError when the file cannot be read or understood */
  constructor(
    private readonly file: SecretFile,
    private readonly parse: (text: string) => T,
  ) {
    file.load();
    try {
      this.value = parse(file.content.toString('utf8'));
    } catch (error) {
      throw file.error(error);
    }
  }

  /** Takes the file's new content up, if there is any and it can be understood. */
  refresh(): void {
    if (!this.file.hasChanged()) return;
    try {
      const fresh = this.file.reread();
      this.value = this.parse(fresh.content.toString('utf8'));
      fresh.accept();
    } catch (error) {
      this.file.complain(error);
    }
  }
}

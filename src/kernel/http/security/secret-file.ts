import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { assertTrusted, ConfigError } from '../../config/index.js';
import { type Logger, messageOf } from '../../contracts/index.js';

const CREDENTIAL = 'credential:';
const MAX_BYTES = 4 * 2 ** 20;
const READABLE_BY_OTHERS = 0o004;

/** Whether the file that an option names is a systemd credential, which only the service has. */
export function isCredential(spec: string | undefined): boolean {
  return spec?.startsWith(CREDENTIAL) === true;
}

/** The base folders of secret files: of relative paths, and of systemd credentials (`$CREDENTIALS_DIRECTORY`). */
export interface SecretPlaces {
  readonly directory: string;
  readonly credentials: string | undefined;
}

/**
 * Resolves the path of a secret file.
 * @param option the option's name for errors: `web.auth.basic.file`
 * @throws ConfigError when it names a systemd credential and the agent has none
 */
export function secretPath(option: string, spec: string, { directory, credentials }: SecretPlaces): string {
  if (!isCredential(spec)) return resolve(directory, spec);
  const name = spec.slice(CREDENTIAL.length);
  if (credentials !== undefined && credentials !== '') return join(credentials, name);
  const message = `${option} names the systemd credential ${JSON.stringify(name)}, but the agent was started without any`;
  const hint = `add LoadCredential=${name}:/etc/tallyman/${name} to the [Service] section of the unit`;
  throw new ConfigError([{ source: option, path: '', message, hint }]);
}

/**
 * A file that is reloaded when it changes. The last valid content stays in use until the new one is valid: a certificate
 * and its key are not replaced in one step, and an editor may save half a file.
 */
export class SecretFile {
  content: Buffer;
  private readonly path: string;
  private stamp: string;
  private lastError = '';

  /**
   * @param isSecret warns when every user can read the file
   * @throws ConfigError when it cannot be used
   */
  constructor(
    private readonly option: string,
    spec: string,
    places: SecretPlaces,
    private readonly isSecret: boolean,
    private readonly logger: Logger,
  ) {
    this.path = secretPath(option, spec, places);
    try {
      this.stamp = this.currentStamp();
      this.content = this.read();
    } catch (error) {
      throw this.error(error);
    }
  }

  /** Whether the file differs from the one that was read last. An error of stat is logged once. */
  hasChanged(): boolean {
    try {
      return this.currentStamp() !== this.stamp;
    } catch (error) {
      this.logInvalid(error);
      return false;
    }
  }

  /** Reads it again; the previous content stays in use until `accept`. @throws the reason */
  reread(): { readonly content: Buffer; accept(): void } {
    const stamp = this.currentStamp();
    const content = this.read();
    return {
      content,
      accept: () => {
        this.stamp = stamp;
        this.content = content;
        this.lastError = '';
      },
    };
  }

  /** Logs why the new content is not used, once per reason. */
  logInvalid(error: unknown): void {
    const reason = messageOf(error);
    if (reason === this.lastError) return;
    this.lastError = reason;
    this.logger.error(`${this.option}: ${this.path} cannot be used: its previous content stays in use`, {
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

/** A secret file and its parsed content. */
export class ParsedFile<T> {
  value: T;

  /** @throws ConfigError when the file cannot be parsed */
  constructor(
    private readonly file: SecretFile,
    private readonly parse: (text: string) => T,
  ) {
    try {
      this.value = parse(file.content.toString('utf8'));
    } catch (error) {
      throw file.error(error);
    }
  }

  /** Reloads the file if it changed; invalid content is logged and ignored. */
  refresh(): void {
    if (!this.file.hasChanged()) return;
    try {
      const fresh = this.file.reread();
      this.value = this.parse(fresh.content.toString('utf8'));
      fresh.accept();
    } catch (error) {
      this.file.logInvalid(error);
    }
  }
}

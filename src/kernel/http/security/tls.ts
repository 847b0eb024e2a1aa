import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContextOptions, type TlsOptions } from 'node:tls';
import type { WebConfig } from '../../config/index.js';
import { type Logger, messageOf } from '../../contracts/index.js';
import { SecretFile, type SecretPlaces } from './secret-file.js';

type Part = 'cert' | 'key' | 'clientCa';
type Parts = Partial<Record<Part, SecretFile>>;

/** An error in the file of one option. */
class PartError extends Error {
  constructor(
    readonly part: Part,
    message: string,
  ) {
    super(message);
  }
}

/** The server certificate, its key and the client CA, reloaded when their files change. */
export class TlsMaterial {
  private readonly files: Parts = {};
  private current: SecureContextOptions;

  /** @throws ConfigError when a file cannot be used */
  constructor(
    private readonly options: WebConfig['tls'],
    places: SecretPlaces,
    logger: Logger,
  ) {
    for (const part of ['cert', 'key', 'clientCa'] as const) {
      const spec = options[part];
      if (spec !== undefined) {
        this.files[part] = new SecretFile(`web.tls.${part}`, spec, places, part === 'key', logger);
      }
    }
    try {
      this.current = this.check({});
    } catch (error) {
      throw this.fileOf(error).error(error);
    }
  }

  serverOptions(): TlsOptions {
    const { clientCertificates } = this.options;
    return {
      ...this.current,
      requestCert: clientCertificates !== 'none',
      rejectUnauthorized: clientCertificates === 'required',
    };
  }

  /** Reloads changed files, all or none. @returns the new context for running servers, `undefined` when nothing changed */
  refresh(): SecureContextOptions | undefined {
    const changed = Object.values(this.files).filter((file) => file.hasChanged());
    if (changed.length === 0) return undefined;
    try {
      const fresh = new Map(changed.map((file) => [file, file.reread()]));
      const contents: Partial<Record<keyof Parts, Buffer>> = {};
      for (const [part, file] of Object.entries(this.files)) {
        const read = fresh.get(file);
        if (read !== undefined) contents[part as keyof Parts] = read.content;
      }
      this.current = this.check(contents);
      for (const { accept } of fresh.values()) accept();
      return this.current;
    } catch (error) {
      this.fileOf(error, changed[0]).logInvalid(error);
      return undefined;
    }
  }

  private fileOf(error: unknown, otherwise = this.files.cert): SecretFile {
    return (error instanceof PartError ? this.files[error.part] : otherwise)!;
  }

  /** @throws PartError when certificate, key and client CA do not match or are invalid */
  private check(fresh: Partial<Record<keyof Parts, Buffer>>): SecureContextOptions {
    const { cert, key, clientCa } = this.files;
    const ca = fresh.clientCa ?? clientCa?.content;
    const options: SecureContextOptions = {
      minVersion: this.options.minVersion,
      cert: fresh.cert ?? cert?.content,
      key: fresh.key ?? key?.content,
      ...(ca === undefined ? {} : { ca }),
    };
    assertUsable(options);
    return options;
  }
}

/** Finds the invalid file: OpenSSL errors name neither file nor cause (`DECODER routines::unsupported`). @throws PartError */
function assertUsable(options: SecureContextOptions): void {
  const { cert, key, ca } = options as { cert?: Buffer; key?: Buffer; ca?: Buffer };
  const certificate = parsed('cert', 'a PEM certificate', () => new X509Certificate(cert ?? ''));
  const privateKey = parsed('key', 'a PEM private key without a passphrase', () => createPrivateKey(key ?? ''));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new PartError('key', 'it is not the private key of the certificate in web.tls.cert');
  }
  if (ca !== undefined) parsed('clientCa', 'a PEM certificate', () => new X509Certificate(ca));
  try {
    createSecureContext(options);
  } catch (error) {
    throw new PartError('cert', `TLS cannot use it: ${messageOf(error)}`);
  }
}

function parsed<T extends X509Certificate | KeyObject>(part: Part, expected: string, parse: () => T): T {
  try {
    return parse();
  } catch {
    throw new PartError(part, `it does not hold ${expected}`);
  }
}

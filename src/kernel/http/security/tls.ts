import type { SecureContextOptions, TlsOptions } from 'node:tls';
import { createSecureContext } from 'node:tls';
import type { Logger } from '../../contracts/index.js';
import type { SecurityOptions } from './options.js';
import { SecretFile, type SecretPlaces, secretPath } from './secret-file.js';

type Parts = Partial<Record<'cert' | 'key' | 'clientCa', SecretFile>>;

/** The certificate, its key and the authorities of clients, as their files hold them now. */
export class TlsMaterial {
  private readonly files: Parts = {};
  private current: SecureContextOptions;

  /** @throws ConfigError when a file cannot be used */
  constructor(
    private readonly options: SecurityOptions['tls'],
    places: SecretPlaces,
    logger: Logger,
  ) {
    for (const part of ['cert', 'key', 'clientCa'] as const) {
      const spec = options[part];
      const option = `web.tls.${part}`;
      if (spec === undefined) continue;
      const file = new SecretFile(option, secretPath(option, spec, places), part === 'key', logger);
      file.load();
      this.files[part] = file;
    }
    try {
      this.current = this.check({});
    } catch (error) {
      throw this.files.cert!.error(error);
    }
  }

  /** What a TLS server is made with. */
  serverOptions(): TlsOptions {
    const { clientCertificates } = this.options;
    return {
      ...this.current,
      requestCert: clientCertificates !== 'none',
      rejectUnauthorized: clientCertificates === 'required',
    };
  }

  /** Takes changed files up, all together or not at all. @returns what servers are to use from now on, if that changed */
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
      changed[0]!.complain(error);
      return undefined;
    }
  }

  /** @throws when certificate, key and authorities do not fit together */
  private check(fresh: Partial<Record<keyof Parts, Buffer>>): SecureContextOptions {
    const { cert, key, clientCa } = this.files;
    const ca = fresh.clientCa ?? clientCa?.content;
    const options: SecureContextOptions = {
      minVersion: this.options.minVersion,
      cert: fresh.cert ?? cert?.content,
      key: fresh.key ?? key?.content,
      ...(ca === undefined ? {} : { ca }),
    };
    createSecureContext(options);
    return options;
  }
}

import { readFile } from 'node:fs/promises';
import { type AppTls, messageOf, TallymanError } from '../../../kernel/contracts/index.js';
import type { TlsOptions } from './options.js';

/** Certificates and keys of the administrator's, read when the plugin starts. */
export class TlsMaterial {
  private tls: AppTls = {};

  constructor(private readonly options: TlsOptions) {}

  /** @throws TallymanError naming the file that cannot be read */
  async load(): Promise<void> {
    const { verify, serverName } = this.options;
    const texts = await Promise.all((['ca', 'cert', 'key'] as const).map((name) => this.read(name)));
    this.tls = Object.assign(
      {},
      ...texts,
      verify === undefined ? {} : { verify },
      serverName === undefined ? {} : { serverName },
    );
  }

  /** The same object for all requests, so that contexts derived from it can be cached. */
  get current(): AppTls {
    return this.tls;
  }

  private async read(name: 'ca' | 'cert' | 'key'): Promise<Partial<Record<typeof name, string>>> {
    const path = this.options[name];
    if (path === undefined) return {};
    try {
      return { [name]: await readFile(path, 'utf8') };
    } catch (error) {
      throw new TallymanError(`tls.${name}: ${messageOf(error)}`, { cause: error });
    }
  }
}

import { readFile } from 'node:fs/promises';
import { type AppTls, messageOf, TallymanError, z } from '../../../kernel/contracts/index.js';

/** Options for `https` targets. */
export const tlsOptions = z.strictObject({
  verify: z
    .boolean()
    .optional()
    .describe('Whether certificates must be valid. Without it: only if `ca` is given (containers sign their own).'),
  ca: z.string().optional().describe('PEM file of the authority that signs the certificates.'),
  cert: z.string().optional().describe('PEM file of the client certificate that is shown.'),
  key: z.string().optional().describe('PEM file of its key.'),
  serverName: z.string().optional().describe('The name that certificates must have.'),
});

export type TlsOptions = z.output<typeof tlsOptions>;

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

import { readFile } from 'node:fs/promises';
import {
  type AppTarget,
  type AppTls,
  type CollectionAccess,
  messageOf,
  TallymanError,
  z,
} from '../../../kernel/contracts/index.js';
import { type CadvisorFile, type CadvisorTarget, parseCadvisorFile } from './cadvisor-config.js';

const FIRST_RETRY = 1_000;
const MAX_RETRY_MS = 60_000;
/** Maximum share of a core per target is 1/50: targets whose answers take long to parse are requested less often. */
const COST_FACTOR = 50;

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

const PEM_FILES = ['ca', 'cert', 'key'] as const;

type TlsOptions = z.output<typeof tlsOptions>;

/** What is known of a target after its first requests. */
interface KnownTarget<R> {
  /** Absent until it could be made. */
  recipe?: R;
  /** Failures in a row of reading its file. */
  failures: number;
  /** ms */
  interval: number;
  /** CPU time of its last collection, ms. */
  cost: number;
}

/** Collects from targets over HTTP. @typeParam R what to request from a target, and what to take from its answer */
export abstract class HttpCollector<R> {
  /** The same object for all requests, so that contexts derived from it can be cached. */
  protected tls: AppTls = {};
  private readonly known = new WeakMap<AppTarget, KnownTarget<R>>();

  constructor(private readonly tlsOptions: TlsOptions) {}

  /** Reads the administrator's certificates and keys. @throws TallymanError naming the file that cannot be read */
  async start(): Promise<void> {
    const { verify, serverName } = this.tlsOptions;
    const contents = await Promise.all(PEM_FILES.map((name) => contentOf(name, this.tlsOptions[name])));
    const names = { ...(verify !== undefined && { verify }), ...(serverName !== undefined && { serverName }) };
    this.tls = Object.assign(names, ...contents);
  }

  /** ms until the next collection. */
  intervalOf(target: AppTarget): number {
    const { failures, interval, cost } = this.about(target);
    const wanted = failures > 0 ? Math.min(FIRST_RETRY * 2 ** (failures - 1), MAX_RETRY_MS) : interval;
    return Math.max(wanted, cost * COST_FACTOR);
  }

  /** The recipe of a target, made at the first use; a failure is retried at the next use. */
  protected async recipeOf(target: AppTarget, make: () => R | Promise<R>): Promise<R> {
    const known = this.about(target);
    known.recipe ??= await make();
    return known.recipe;
  }

  /** Reads the file of a target; failures are retried with increasing pauses. */
  protected async readTarget(
    target: CadvisorTarget,
    access: Pick<CollectionAccess, 'readFile'>,
    parse: (file: CadvisorFile) => { readonly recipe: R; readonly interval: number | undefined },
  ): Promise<R> {
    const known = this.about(target);
    try {
      const { recipe, interval } = parse(parseCadvisorFile(await access.readFile(target.file), target.file));
      known.failures = 0;
      known.interval = interval ?? target.interval;
      return recipe;
    } catch (error) {
      known.failures++;
      throw error;
    }
  }

  /** Records the CPU time of the last collection, ms. */
  protected spent(target: AppTarget, milliseconds: number): void {
    this.about(target).cost = milliseconds;
  }

  private about(target: AppTarget): KnownTarget<R> {
    let known = this.known.get(target);
    if (known === undefined) {
      known = { failures: 0, interval: target.interval, cost: 0 };
      this.known.set(target, known);
    }
    return known;
  }
}

async function contentOf(name: (typeof PEM_FILES)[number], path: string | undefined): Promise<AppTls> {
  if (path === undefined) return {};
  try {
    return { [name]: await readFile(path, 'utf8') };
  } catch (error) {
    throw new TallymanError(`tls.${name}: ${messageOf(error)}`, { cause: error });
  }
}

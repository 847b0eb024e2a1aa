import { definePlugin, type LinuxHost, PLUGIN_API_VERSION } from '../../../kernel/contracts/index.js';
import { networkProcess, PartsProbe, type ProcessContext, TablePart } from '../common/index.js';
import { findInterfaceCells, networkFields } from './interfaces.js';
import { defaultInterface } from './routes.js';

/** How often the default route is read when there are several interfaces, ms. */
const ROUTE_INTERVAL_MS = 10_000;

/** Determines the primary interface of a process. */
class PrimaryInterface {
  private readAt = Number.NEGATIVE_INFINITY;
  private names: readonly string[] = [];
  private current: string | undefined;

  constructor(
    private readonly pid: number,
    private readonly context: ProcessContext,
  ) {}

  /** The interface of the default route, or the only interface. */
  choose(names: readonly string[]): string | undefined {
    this.names = names;
    this.current = names.length < 2 ? names[0] : this.readRoute();
    return this.current;
  }

  /** @returns true when another interface has become the primary one */
  changed(): boolean {
    if (this.names.length < 2 || this.context.clock.monotonic() - this.readAt < ROUTE_INTERVAL_MS) return false;
    return this.readRoute() !== this.current;
  }

  private readRoute(): string | undefined {
    const { clock, linux } = this.context;
    this.readAt = clock.monotonic();
    const name = defaultInterface(this.text(linux, 'route'), () => this.text(linux, 'ipv6_route'));
    return name !== undefined && this.names.includes(name) ? name : undefined;
  }

  private text(linux: LinuxHost, file: string): string {
    return linux.procText(`${this.pid}/net/${file}`) ?? '';
  }
}

export default definePlugin({
  kind: 'metric-source',
  name: 'network',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Network traffic of each container by interface.',
  create: (context) => ({
    fields: networkFields.map(({ field }) => field),
    part: 'network',
    attach(target) {
      const process = networkProcess(target, context);
      if ('absent' in process) return process;
      const primary = new PrimaryInterface(process.pid, context);
      const table = new TablePart(process.file('net/dev'), (text) =>
        findInterfaceCells(text, (names) => primary.choose(names)),
      );
      if (!table.prepare()) return { absent: `/proc/${process.pid}/net/dev cannot be read` };
      return new PartsProbe([table], {
        beforeSample: () => {
          if (primary.changed()) table.forget();
          return process.alive();
        },
      });
    },
  }),
});

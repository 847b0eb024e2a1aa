import type {
  ContainerDescription,
  ContainerHandler,
  ContainerRegistrar,
  Identification,
  PluginContext,
} from '../../../kernel/contracts/index.js';

/** Globs over the names of containers. */
export interface NameSelection {
  /** Empty: all. */
  readonly include: readonly RegExp[];
  /** Wins over `include`. */
  readonly exclude: readonly RegExp[];
}

/** A handler that recognises containers by their cgroups, and reads at an interval what nothing signals. */
export abstract class PollingHandler<Known extends { readonly description: ContainerDescription }>
  implements ContainerHandler
{
  /** By cgroup path. */
  protected readonly known = new Map<string, Known>();
  protected registrar: ContainerRegistrar | undefined;
  private stopChecks: (() => void) | undefined;

  constructor(
    protected readonly context: PluginContext,
    private readonly checkIntervalMs: number,
  ) {}

  start(registrar: ContainerRegistrar): void | Promise<void> {
    this.registrar = registrar;
    this.check();
    this.stopChecks = this.context.timers.every(this.checkIntervalMs, () => this.check());
  }

  stop(): void {
    this.registrar = undefined;
    this.stopChecks?.();
  }

  abstract identify(path: string): Identification;

  forget(path: string): void {
    this.known.delete(path);
  }

  /** Reads again what may have changed. */
  protected abstract check(): void;
}

/**
 * @param names of the container, the first of which is the one to show
 * @returns why the container is not to be monitored, `undefined` when it is
 */
export function excludedByName({ include, exclude }: NameSelection, names: readonly string[]): string | undefined {
  const matches = (patterns: readonly RegExp[]) => patterns.some((pattern) => names.some((name) => pattern.test(name)));
  if (matches(exclude)) return `exclude matches ${names[0]}`;
  return include.length > 0 && !matches(include) ? `include does not match ${names[0]}` : undefined;
}

import {
  type AppContainer,
  type AppTarget,
  type ContainerMatch,
  matchesContainer,
} from '../../../kernel/contracts/index.js';

/** A target that the agent's config describes. */
export interface ConfiguredTarget extends AppTarget {
  readonly kind: 'config';
  /** Index in the options' `targets`. */
  readonly index: number;
}

interface TargetOptions {
  readonly name: string;
  readonly match: ContainerMatch;
  readonly host?: string | undefined;
  readonly interval?: number | undefined;
  readonly timeLimit?: number | undefined;
}

/** The entries of `targets` that mean a container. @param interval ms, where an entry says none */
export function configuredTargets(
  container: AppContainer,
  entries: readonly TargetOptions[],
  interval: number,
): ConfiguredTarget[] {
  return entries.flatMap(({ name, match, host, timeLimit, interval: own = interval }, index): ConfiguredTarget[] => {
    if (!matchesContainer(match, container)) return [];
    return [
      {
        kind: 'config',
        name,
        index,
        interval: own,
        ...(timeLimit === undefined ? {} : { timeLimit }),
        ...(host === undefined ? {} : { trustedHosts: [host] }),
      },
    ];
  });
}

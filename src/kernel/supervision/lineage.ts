import type { ApiVersion } from '../contracts/index.js';

/** An API version and the plugin that serves it. */
interface Served {
  readonly instance: Pick<ApiVersion, 'version' | 'extends'>;
}

/** A version and what it extends. */
export interface Lineage<T> {
  /** The version itself first. */
  readonly versions: readonly T[];
  /** Why the version that the last one extends is missing. */
  readonly broken?: string;
}

/** Follows `extends` from a version on. @param all the versions that are served */
export function lineageOf<T extends Served>(version: T, all: readonly T[]): Lineage<T> {
  const versions = [version];
  for (let name = version.instance.extends; name !== undefined; name = versions.at(-1)!.instance.extends) {
    const next = all.find(({ instance }) => instance.version === name);
    if (next === undefined) return { versions, broken: `no plugin serves API version ${name}` };
    if (versions.includes(next)) return { versions, broken: `API version ${name} extends itself` };
    versions.push(next);
  }
  return { versions };
}

import type { FieldDescriptor } from '../../../kernel/contracts/index.js';

/** Scopes and kinds of pages, in the order of the kernel's file. */
export const SCOPES = ['container', 'hierarchical'] as const;
export const KINDS = ['file', 'anon', 'unevictable'] as const;
export type Scope = (typeof SCOPES)[number];
export type Kind = (typeof KINDS)[number];

const KIND_HELP: Readonly<Record<Kind, string>> = {
  file: 'Pages of files',
  anon: 'Anonymous pages',
  unevictable: 'Pages that cannot be reclaimed',
};
const SCOPE_HELP: Readonly<Record<Scope, string>> = {
  container: 'of the container itself, by NUMA node',
  hierarchical: 'of the container and everything below it, by NUMA node',
};

const fieldOf = (scope: Scope, kind: Kind): FieldDescriptor => ({
  name: `memory.numa.${scope}.${kind}`,
  unit: 'pages',
  kind: 'gauge',
  help: `${KIND_HELP[kind]} ${SCOPE_HELP[scope]}.`,
  source: {
    v1: `memory.numa_stat: ${scope === 'hierarchical' ? 'hierarchical_' : ''}${kind}`,
    ...(scope === 'hierarchical' && { v2: `memory.numa_stat: ${kind}, bytes converted to pages` }),
  },
  dimensions: ['node'],
});

/** Fields of the `memory_numa` source by name. */
export const numaFields: ReadonlyMap<string, FieldDescriptor> = new Map(
  SCOPES.flatMap((scope) => KINDS.map((kind) => fieldOf(scope, kind))).map((field) => [field.name, field]),
);

// Who may import whom (docs/architecture.md draws it). Type-only imports count like any other.
// TypeScript 7 has no compiler API for dependency-cruiser, so modules are read with swc; without `parser: 'swc'` it
// would cruise nothing and find nothing. scripts/check.mjs asserts that modules were cruised.

/** Rooms of the kernel, lowest first: a room imports only rooms to its left, and those by their index.ts. */
const KERNEL_ROOMS = [
  'contracts',
  'composition',
  'log',
  'timing',
  'config',
  'linux',
  'supervision',
  'machine',
  'history',
  'capsules',
  'containers',
  'housekeeping',
  'retention',
  'events',
  'budget',
  'doctor',
  'app-metrics',
  'reload',
  'diagnosis',
  'view',
  'delivery',
  'recorder',
  'plugins',
  'discovery',
  'http',
  'operations',
  'replay',
  'service',
];
/** Oldest first: a version says only what it adds to the ones before. */
const API_VERSIONS = ['v1.0', 'v1.1', 'v1.2', 'v1.3', 'v2.0', 'v2.1'];
const TEST = '\\.test\\.ts$';
const escaped = (name) => name.replaceAll('.', '\\.');

const forbid = (name, comment, from, to) => ({ name, severity: 'error', comment, from, to });

const kernelRooms = KERNEL_ROOMS.map((room, rank) =>
  forbid(
    `kernel-room-${room}`,
    `kernel/${room} imports only lower rooms: ${KERNEL_ROOMS.slice(0, rank).join(', ') || 'none'}`,
    { path: `^src/kernel/${room}/` },
    { path: '^src/kernel/', pathNot: `^src/kernel/(${KERNEL_ROOMS.slice(0, rank + 1).join('|')})/` },
  ),
);

const apiVersions = API_VERSIONS.map((version, age) =>
  forbid(
    `api-${version}-imports-older-only`,
    'an API version builds on older versions, never on newer ones',
    { path: `^src/api-versions/${escaped(version)}/` },
    {
      path: `^src/api-versions/(${
        API_VERSIONS.slice(age + 1)
          .map(escaped)
          .join('|') || '(?!)'
      })/`,
    },
  ),
);

module.exports = {
  forbidden: [
    forbid('no-cycles', 'a cycle has no order in which to understand it', {}, { circular: true }),
    // The package's own entries lead to dist/, which a fresh clone has not built yet.
    forbid(
      'no-unresolvable',
      'the import leads nowhere',
      {},
      { couldNotResolve: true, pathNot: '^tallyman/(plugin(/bytes)?|client|testing)$' },
    ),
    forbid(
      'start-loads-the-bundle',
      'what main.ts imports is loaded file by file before the bundle, and a second time from it',
      { path: '^src/cli/(main|bundle|exit|process-setup)\\.ts$' },
      { path: '^(src|node_modules)/', pathNot: '^src/cli/(bundle|exit|process-setup|program)\\.ts$' },
    ),
    forbid(
      'kernel-knows-no-plugin',
      'the kernel names no plugin, no API version and no command',
      { path: '^src/kernel/' },
      { path: '^src/(plugins|api-versions|cli|testing)/' },
    ),
    forbid(
      'kernel-rooms-by-their-index',
      'rooms of the kernel use each other by index.ts',
      { path: '^src/kernel/([^/]+)/', pathNot: TEST },
      { path: '^src/kernel/[^/]+/', pathNot: '^src/kernel/($1/|[^/]+/index\\.ts$|contracts/bytes/index\\.ts$)' },
    ),
    ...kernelRooms,
    forbid(
      'plugins-import-contracts-only',
      'a built-in plugin sees what a stranger’s sees: kernel/contracts/index.ts (tallyman/plugin) and its bytes/',
      { path: '^src/plugins/[^/]+/', pathNot: TEST },
      { path: '^src/(kernel|cli|testing)/', pathNot: '^src/kernel/contracts/(bytes/)?index\\.ts$' },
    ),
    forbid(
      'plugins-by-their-public-entry',
      'a plugin uses another, API versions included, by its index.ts',
      { path: '^src/plugins/([^/]+)/([^/]+)/' },
      {
        path: '^src/(plugins|api-versions)/',
        pathNot: '^src/(plugins/($1/$2/|[^/]+/[^/]+/index\\.ts$)|api-versions/[^/]+/index\\.ts$)',
      },
    ),
    forbid(
      'browsers-load-what-is-served',
      'a browser gets browser/, shared/, src/client/top and uPlot, and nothing else: no kernel, no Node',
      { path: '^src/plugins/endpoints/web-ui/(browser|shared)/', pathNot: TEST },
      { pathNot: '^src/(plugins/endpoints/web-ui/(browser|shared)|client/top)/|(^|node_modules/)uplot(/|$)' },
    ),
    forbid(
      'browser-code-is-for-browsers',
      'what runs in a browser is no part of the agent',
      { path: '^src/', pathNot: '^src/plugins/endpoints/web-ui/browser/' },
      { path: '^src/plugins/endpoints/web-ui/browser/' },
    ),
    forbid(
      'api-versions-import-contracts-only',
      'an API version imports kernel/contracts/index.ts and older versions',
      { path: '^src/api-versions/', pathNot: TEST },
      { path: '^src/(kernel|cli|plugins|testing)/', pathNot: '^src/kernel/contracts/(bytes/)?index\\.ts$' },
    ),
    ...apiVersions,
    forbid(
      'injection-stays-in-composition',
      'only kernel/composition uses the container of dependency injection',
      { path: '^(src|plugins-examples)/', pathNot: '^src/kernel/composition/' },
      { path: '(^|node_modules/)(tsyringe|reflect-metadata)(/|$)' },
    ),
    forbid(
      'modules-are-listed-once',
      'a room registers itself in module.ts, which only the list of rooms imports: others name its tokens',
      { path: '^src/', pathNot: '^src/kernel/rooms\\.ts$' },
      { path: '^src/kernel/[^/]+/module\\.ts$' },
    ),
    forbid(
      'no-development-packages',
      'what ships depends on runtime packages only',
      // The build puts packages that browser code uses into its files.
      { path: '^src/', pathNot: [TEST, '^src/plugins/endpoints/web-ui/browser/'] },
      { dependencyTypes: ['npm-dev'], pathNot: 'node_modules/@types/' },
    ),
    forbid(
      'templates-see-the-published-contract',
      'a template imports tallyman/plugin, as the plugin that it becomes',
      { path: '^src/cli/plugin/templates/([^/]+)/' },
      {
        path: '^src/',
        pathNot: '^src/(cli/plugin/templates/$1/|kernel/contracts/(bytes/)?index\\.ts$|testing/index\\.ts$)',
      },
    ),
    forbid(
      'examples-see-the-published-contract',
      'an example imports tallyman/plugin, as a stranger does',
      { path: '^plugins-examples/' },
      { path: '^(src|test|scripts|node_modules)/' },
    ),
    forbid(
      'examples-stand-alone',
      'an example is copied by its folder',
      { path: '^plugins-examples/([^/]+)/' },
      { path: '^plugins-examples/', pathNot: '^plugins-examples/$1/' },
    ),
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|\\.test-build)/|^test/fixtures/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
};

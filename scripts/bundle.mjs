// Makes dist/bundle of dist/ and the packages: the agent in one file (src/cli/bundle.ts says why), the licences of the
// packages in it, and V8's cache of its compilation; and what plugins import and child processes run, in a few files each.
// The rest of dist/ is what programs and threads import, and where there is no bundle the agent.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import * as esbuild from 'esbuild';
import { browserCode, root } from './packages.mjs';

const dist = join(root, 'dist');
const folder = join(dist, 'bundle');
/** What dockerode loads for engines behind SSH and for building images, which the agent does not do. */
const UNUSED = /^(ssh2|@grpc\/grpc-js|@grpc\/proto-loader)$/;

/** What others import and what child processes run, as modules that share what they have in common. */
const ENTRIES = {
  plugin: 'kernel/contracts/index.js',
  testing: 'testing/index.js',
  worker: 'kernel/plugins/isolation/worker.js',
  'check-process': 'cli/plugin/checking/check-process.js',
};
/** Loads the built-in plugins one by one, from where they are. */
const BUILTINS = 'plugins/builtins.js';

const COMMON = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  absWorkingDir: root,
  logLevel: 'warning',
  metafile: true,
  // Keeps names, and lines short enough to find what a stack trace names.
  minifyWhitespace: true,
  lineLimit: 160,
  legalComments: 'none',
};

export async function bundle() {
  mkdirSync(folder, { recursive: true });
  const inputs = [...(await bundleAgent()), ...(await bundleEntries()), ...(await bundlePages())];
  writeFileSync(join(folder, 'LICENSES.txt'), licences(inputs));
}

/** @returns the files that are in it */
async function bundleAgent() {
  const { outputFiles, metafile } = await esbuild.build({
    ...COMMON,
    entryPoints: [join(dist, 'cli/program.js')],
    format: 'cjs',
    plugins: [keepModuleUrls('distUrl'), leaveOutUnused],
    write: false,
  });
  // A script that is no module of Node's cannot import.
  const code = ascii(outputFiles[0].text).replaceAll(/\bimport\(/g, 'nodeImport(');
  writeFileSync(join(folder, 'agent.cjs'), `(function (exports, require, module, nodeImport, distUrl) {${code}})`);
  return Object.keys(metafile.inputs);
}

/** @returns the files that are in them */
async function bundleEntries() {
  const { metafile } = await esbuild.build({
    ...COMMON,
    entryPoints: Object.fromEntries(Object.entries(ENTRIES).map(([name, path]) => [name, join(dist, path)])),
    format: 'esm',
    splitting: true,
    outdir: folder,
    chunkNames: 'shared-[hash]',
    // For packages that are CommonJS.
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
    plugins: [keepModuleUrls("new URL('..', import.meta.url)"), leaveOutUnused, builtinsApart],
  });
  return Object.keys(metafile.inputs);
}

/**
 * What browsers load: the script of the pages with the packages that it uses, their styles, and the icon.
 * @returns the files that are in them
 */
async function bundlePages() {
  const source = join(root, 'src', browserCode);
  const { metafile } = await esbuild.build({
    bundle: true,
    minify: true,
    entryPoints: [join(source, 'page.ts'), join(source, 'page.css')],
    format: 'esm',
    splitting: true,
    target: 'es2022',
    absWorkingDir: root,
    outdir: join(dist, browserCode),
    chunkNames: 'chunk-[hash]',
    logLevel: 'warning',
    metafile: true,
    legalComments: 'none',
  });
  copyFileSync(join(source, 'icon.svg'), join(dist, browserCode, 'icon.svg'));
  return Object.keys(metafile.inputs);
}

/** A module finds the files beside it as it does outside the bundle, but for those that are bundled too. */
function keepModuleUrls(distUrl) {
  return {
    name: 'urls of modules',
    setup(build) {
      build.onLoad({ filter: /\.js$/ }, ({ path }) => {
        const name = relative(dist, path);
        const code = readFileSync(path, 'utf8');
        if (name.startsWith('..') || !code.includes('import.meta.url')) return undefined;
        const contents = code
          .replaceAll(/new URL\('([^']+)', import\.meta\.url\)/g, (whole, target) => {
            const entry = entryOf(join(dirname(name), target));
            return entry === undefined ? whole : `new URL('bundle/${entry}.js', ${distUrl})`;
          })
          .replaceAll(/(?<!'\.\.', )import\.meta\.url/g, `new URL(${JSON.stringify(name)}, ${distUrl}).href`);
        return { contents };
      });
    },
  };
}

function entryOf(path) {
  return Object.keys(ENTRIES).find((name) => ENTRIES[name] === path);
}

const leaveOutUnused = {
  name: 'unused packages',
  setup(build) {
    // The agent itself imports gRPC when it needs it; dockerode requires it at once.
    build.onResolve({ filter: UNUSED }, ({ path, kind }) =>
      kind === 'dynamic-import' ? { path, external: true } : { path, namespace: 'unused' },
    );
    build.onLoad({ filter: /^/, namespace: 'unused' }, () => ({ contents: '' }));
  },
};

const builtinsApart = {
  name: 'built-in plugins',
  setup(build) {
    build.onResolve({ filter: /\/builtins\.js$/ }, ({ path, resolveDir }) =>
      relative(dist, join(resolveDir, path)) === BUILTINS ? { path: `../${BUILTINS}`, external: true } : undefined,
    );
  },
};

/** Escapes what is in regular expressions and templates; the rest is escaped already. */
function ascii(code) {
  return code.replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function licences(inputs) {
  const packages = new Set(inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []));
  return [...packages]
    .sort()
    .map((path) => {
      const { name, version, license } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'));
      const file = readdirSync(join(root, path)).find((file) => /^(licen[cs]e|copying)/i.test(file));
      const text = file === undefined ? '' : `\n${readFileSync(join(root, path, file), 'utf8').trim()}\n`;
      return `${name} ${version}: ${license}\n${text}`;
    })
    .join(`\n${'-'.repeat(80)}\n`);
}

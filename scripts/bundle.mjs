// Makes dist/bundle of dist/ and the packages: the agent in one file (src/cli/bundle.ts says why), the licences of the
// packages in it, and V8's cache of its compilation. The rest of dist/ is what plugins, programs and threads import.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import * as esbuild from 'esbuild';
import { root } from './packages.mjs';

const dist = join(root, 'dist');
const folder = join(dist, 'bundle');
/** What dockerode loads for engines behind SSH and for building images, which the agent does not do. */
const UNUSED = /^(ssh2|@grpc\/grpc-js|@grpc\/proto-loader)$/;

/** Removes comments and indentation, and keeps names and lines short enough to find what a stack trace names. */
const compact = { minifyWhitespace: true, lineLimit: 160, legalComments: 'none' };

export async function bundle() {
  const { outputFiles, metafile } = await esbuild.build({
    entryPoints: [join(dist, 'cli/program.js')],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    plugins: [
      { name: 'urls of modules', setup: keepModuleUrls },
      { name: 'unused packages', setup: leaveOut },
    ],
    metafile: true,
    write: false,
    absWorkingDir: root,
    logLevel: 'warning',
    ...compact,
  });
  mkdirSync(folder, { recursive: true });
  // A script that is no module of Node's cannot import.
  const code = ascii(outputFiles[0].text).replaceAll(/\bimport\(/g, 'nodeImport(');
  writeFileSync(join(folder, 'agent.cjs'), `(function (exports, require, module, nodeImport, distUrl) {${code}})`);
  writeFileSync(join(folder, 'LICENSES.txt'), licences(Object.keys(metafile.inputs)));
}

/** A module finds the files beside it as it does outside the bundle. */
function keepModuleUrls(build) {
  build.onLoad({ filter: /\.js$/ }, ({ path }) => {
    const name = relative(dist, path);
    const code = readFileSync(path, 'utf8');
    if (name.startsWith('..') || !code.includes('import.meta.url')) return undefined;
    return { contents: code.replaceAll('import.meta.url', `new URL(${JSON.stringify(name)}, distUrl).href`) };
  });
}

function leaveOut(build) {
  build.onResolve({ filter: UNUSED }, ({ path }) => ({ path, namespace: 'unused' }));
  build.onLoad({ filter: /^/, namespace: 'unused' }, () => ({ contents: '' }));
}

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

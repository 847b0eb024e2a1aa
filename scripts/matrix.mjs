// `npm run matrix`: builds and runs the unit tests on the other supported Node versions, fetched by npx. Takes versions
// (`npm run matrix -- 22`) or runs all of them. Unit tests are those beside the code; what spans rooms is `npm test`'s.
import { spawnSync } from 'node:child_process';
import { root } from './packages.mjs';

const SUPPORTED = ['22', '24', '26'];

/** Runs a command line under that Node. npm's own environment is left out: `npx` inside `npm run` would inherit it. */
function under(version, commandLine, options = {}) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')));
  const args = ['--yes', '--package', `node@${version}`, '--call', commandLine];
  return spawnSync('npx', args, { cwd: root, env, encoding: 'utf8', ...options });
}

/** The npm package `node` falls back to the Node at hand where its install script may not run: hence the question. */
function realVersion(version) {
  const { stdout, stderr } = under(version, 'node --print process.versions.node');
  const real = stdout.trim().split('\n').at(-1);
  if (!real?.startsWith(`${version}.`)) {
    console.error(
      `Node ${version} could not be had (it answered ${real || 'nothing'}): are install scripts allowed?\n${stderr}`,
    );
    return undefined;
  }
  return real;
}

let failures = 0;
for (const version of process.argv.length > 2 ? process.argv.slice(2) : SUPPORTED) {
  const real = realVersion(version);
  if (real !== undefined) console.log(`\n== Node ${real}`);
  const tests = 'node scripts/build.mjs && node node_modules/typescript/bin/tsc -p test && node scripts/test.mjs src/';
  if (real === undefined || under(version, tests, { stdio: 'inherit' }).status !== 0) failures++;
}
process.exitCode = failures === 0 ? 0 : 1;

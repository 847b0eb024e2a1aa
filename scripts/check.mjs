// `npm run check`: everything that can be said about the project without running it. Every step runs, also after one
// has failed; the exit status is 1 when any did. `npm run check -- knip licences` runs only the named steps.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { browserCode, root, runtimePackages } from './packages.mjs';

const PERMISSIVE = new Set(['MIT', 'ISC', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', 'BlueOak-1.0.0']);
for (const more of ['Unlicense', 'CC0-1.0', 'Python-2.0', 'Zlib']) PERMISSIVE.add(more);

/** What a step returns: `problems` fail it, `remark` is shown beside its name. */
const passed = (remark = '') => ({ problems: [], remark });
const failed = (...problems) => ({ problems, remark: '' });

const steps = {
  'format and lint': () => tool('biome', 'ci', '.'),
  types: () => tool('tsc', '-p', '.', '--noEmit'),
  'types of the pages': () => tool('tsc', '-p', join('src', browserCode), '--noEmit'),
  'types of the tests': () => tool('tsc', '-p', 'test', '--noEmit'),
  'types of the examples': () => tool('tsc', '-p', 'plugins-examples'),
  'dead code': () => tool('knip'),
  boundaries: checkBoundaries,
  licences: checkLicences,
  audit: checkAudit,
  lockfile: checkLockfile,
};

function tool(name, ...args) {
  const { status, stdout, stderr, error } = execute(join(root, 'node_modules', '.bin', name), args);
  if (error) return failed(`${name} could not be started (${error.message}); run \`npm ci\``);
  return status === 0 ? passed() : failed(`${stdout}${stderr}`.trim());
}

function execute(command, args) {
  const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' };
  return spawnSync(command, args, { cwd: root, env, encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 });
}

/** Import boundaries and cycles. A cruise that saw no module would find nothing wrong, so that counts as a failure. */
function checkBoundaries() {
  const folders = ['src', 'test', 'plugins-examples'].filter((folder) => existsSync(join(root, folder)));
  const config = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json'];
  const { stdout, stderr } = execute(join(root, 'node_modules', '.bin', 'depcruise'), [...folders, ...config]);
  let summary;
  try {
    ({ summary } = JSON.parse(stdout));
  } catch {
    return failed(`dependency-cruiser gave no report: ${stderr || stdout}`);
  }
  const sources = summary.totalCruised;
  if (sources === 0) return failed('dependency-cruiser saw no modules: can @swc/core read TypeScript here?');
  const violations = summary.violations.map(({ rule, from, to, cycle, comment }) => {
    const path = cycle ? cycle.map((step) => step.name).join(' → ') : to;
    return `${rule.name}: ${from} → ${path}${comment ? ` (${comment})` : ''}`;
  });
  return violations.length > 0 ? failed(...violations) : passed(`${sources} modules`);
}

/** Every package that is installed with Tallyman has a licence that lets anyone use it for anything. */
function checkLicences() {
  const packages = runtimePackages();
  const unfit = packages.flatMap((path) => {
    const { name, version, license, licenses } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'));
    const said = license?.type ?? license ?? licenses?.map((entry) => entry.type).join(' OR ') ?? 'none given';
    return isPermissive(said) ? [] : [`${name}@${version}: ${said}`];
  });
  return unfit.length > 0 ? failed(...unfit) : passed(`${packages.length} packages`);
}

/** An SPDX expression: one permissive side of an OR is enough, all sides of an AND have to be. */
function isPermissive(expression) {
  const alternatives = expression.replaceAll(/[()]/g, ' ').split(/\sOR\s/);
  return alternatives.some((all) => all.split(/\sAND\s/).every((licence) => PERMISSIVE.has(licence.trim())));
}

/** Known vulnerabilities. A registry that does not answer the question is reported and does not fail the check. */
function checkAudit() {
  const { stdout, stderr } = execute('npm', ['audit', '--omit=dev', '--json']);
  let report;
  try {
    report = JSON.parse(stdout);
  } catch {}
  const found = report?.metadata?.vulnerabilities;
  if (found === undefined) {
    const reason = report?.message ?? report?.error?.summary ?? stderr.trim().split('\n')[0];
    return passed(`NOT ASKED: the registry did not answer (${reason || 'no reason given'})`);
  }
  if (found.total === 0) return passed('no known vulnerability');
  return failed(
    ...Object.values(report.vulnerabilities).map(
      ({ name, severity, range, via }) =>
        `${severity}: ${name} ${range}: ${via.map((cause) => cause.title ?? cause).join('; ')}`,
    ),
  );
}

/** The lockfile works with whatever registry npm is set up for. */
function checkLockfile() {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const bound = Object.entries(packages).filter(([, { resolved }]) => /^[a-z+]+:\/\//.test(resolved ?? ''));
  return bound.length === 0
    ? passed('names no registry')
    : failed(
        ...bound.map(([path, { resolved }]) => `${path} is tied to ${resolved}: see .npmrc and npm install again`),
      );
}

function outcome(step) {
  try {
    return step();
  } catch (error) {
    return failed(`the check itself failed: ${error.stack}`);
  }
}

const wanted = process.argv.slice(2);
const chosen = Object.entries(steps).filter(([name]) => wanted.length === 0 || wanted.includes(name));
if (chosen.length === 0) console.error(`no such step; the steps are: ${Object.keys(steps).join(', ')}`);
let failures = chosen.length === 0 ? 1 : 0;
for (const [name, step] of chosen) {
  const start = performance.now();
  const { problems, remark } = outcome(step);
  const seconds = ((performance.now() - start) / 1000).toFixed(1).padStart(5);
  console.log(`${problems.length === 0 ? 'pass' : 'FAIL'} ${seconds} s  ${name}${remark ? `: ${remark}` : ''}`);
  for (const problem of problems) console.log(problem.replaceAll(/^/gm, '       '));
  if (problems.length > 0) failures++;
}
process.exitCode = failures === 0 ? 0 : 1;

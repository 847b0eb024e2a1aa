import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { projectRoot } from '../project.js';

interface Report {
  readonly summary: {
    readonly totalCruised: number;
    readonly violations: readonly { readonly from: string; readonly rule: { readonly name: string } }[];
  };
}

const planted = mkdtempSync(join(tmpdir(), 'tallyman-test-boundaries-'));
after(() => rmSync(planted, { recursive: true, force: true }));

/** Lays out a source tree, cruises it by the project's own rules and returns `rule: file` for each violation. */
function violationsOf(files: Record<string, string>): string[] {
  const folder = mkdtempSync(join(planted, 'tree-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const cruiser = join(projectRoot, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const config = join(projectRoot, '.dependency-cruiser.cjs');
  const folders = ['src', 'plugins-examples'].filter((each) => existsSync(join(folder, each)));
  const args = [cruiser, ...folders, '--config', config, '--output-type', 'json'];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
  assert.ok(stdout.startsWith('{'), `dependency-cruiser gave no report: ${stderr}`);
  const { summary } = JSON.parse(stdout) as Report;
  assert.ok(summary.totalCruised >= Object.keys(files).length, 'every module was seen');
  return summary.violations.map(({ rule, from }) => `${rule.name}: ${from}`).sort();
}

const CONTRACTS = 'src/kernel/contracts/index.ts';
const PLUGIN = 'src/plugins/sinks/one/index.ts';
const value = 'export const value = 1;\n';
const type = 'export type Value = number;\n';

test('the allowed ways pass', () => {
  const files = {
    [CONTRACTS]: value,
    'src/kernel/linux/index.ts': "export { value } from '../contracts/index.js';\n",
    'src/kernel/http/index.ts': "export { value } from '../linux/index.js';\n",
    'src/kernel/agent.ts': "export { value } from './http/index.js';\n",
    [PLUGIN]: "export { value } from '../../../kernel/contracts/index.js';\n",
    'src/plugins/sinks/two/index.ts': "export { value } from '../one/index.js';\n",
    'src/api-versions/v1.3/index.ts': "export { value } from '../../kernel/contracts/index.js';\n",
    'src/api-versions/v2.0/index.ts': "export { value } from '../v1.3/index.js';\n",
  };
  assert.deepEqual(violationsOf(files), []);
});

const forbidden: [what: string, files: Record<string, string>, violations: string[]][] = [
  [
    'the kernel imports a plugin',
    { [PLUGIN]: value, 'src/kernel/agent.ts': "export { value } from '../plugins/sinks/one/index.js';\n" },
    ['kernel-knows-no-plugin: src/kernel/agent.ts'],
  ],
  [
    'the kernel imports only a type of a plugin',
    {
      [PLUGIN]: type,
      'src/kernel/agent.ts': "import type { Value } from '../plugins/sinks/one/index.js';\nexport type V = Value;\n",
    },
    ['kernel-knows-no-plugin: src/kernel/agent.ts'],
  ],
  [
    'the kernel imports a plugin lazily',
    { [PLUGIN]: value, 'src/kernel/agent.ts': "export const load = () => import('../plugins/sinks/one/index.js');\n" },
    ['kernel-knows-no-plugin: src/kernel/agent.ts'],
  ],
  [
    'a plugin imports the inside of the kernel',
    { 'src/kernel/linux/index.ts': value, [PLUGIN]: "export { value } from '../../../kernel/linux/index.js';\n" },
    [`plugins-import-contracts-only: ${PLUGIN}`],
  ],
  [
    'a template imports what its copies would not find',
    {
      'src/cli/version.ts': value,
      'src/cli/plugin/templates/sink/src/index.ts': "export { value } from '../../../../version.js';\n",
    },
    ['templates-see-the-published-contract: src/cli/plugin/templates/sink/src/index.ts'],
  ],
  [
    'a plugin imports the inside of another',
    { [PLUGIN]: "export { value } from '../two/inner.js';\n", 'src/plugins/sinks/two/inner.ts': value },
    [`plugins-by-their-public-entry: ${PLUGIN}`],
  ],
  [
    'code for browsers imports what no browser gets',
    {
      [CONTRACTS]: value,
      'src/plugins/endpoints/web-ui/shared/one.ts': "export { value } from '../../../../kernel/contracts/index.js';\n",
      'src/plugins/endpoints/web-ui/browser/page.ts': "export { join } from 'node:path';\n",
    },
    ['browser/page.ts', 'shared/one.ts'].map(
      (file) => `browsers-load-what-is-served: src/plugins/endpoints/web-ui/${file}`,
    ),
  ],
  [
    'the agent imports code for browsers',
    {
      'src/plugins/endpoints/web-ui/browser/page.ts': value,
      'src/plugins/endpoints/web-ui/index.ts': "export { value } from './browser/page.js';\n",
    },
    ['browser-code-is-for-browsers: src/plugins/endpoints/web-ui/index.ts'],
  ],
  [
    'an API version imports the inside of the kernel',
    {
      'src/kernel/history/index.ts': value,
      'src/api-versions/v2.0/index.ts': "export { value } from '../../kernel/history/index.js';\n",
    },
    ['api-versions-import-contracts-only: src/api-versions/v2.0/index.ts'],
  ],
  [
    'an API version imports a newer one',
    {
      'src/api-versions/v1.3/index.ts': "export { value } from '../v2.0/index.js';\n",
      'src/api-versions/v2.0/index.ts': value,
    },
    ['api-v1.3-imports-older-only: src/api-versions/v1.3/index.ts'],
  ],
  [
    'the contracts import another room of the kernel',
    { [CONTRACTS]: "export { value } from '../linux/index.js';\n", 'src/kernel/linux/index.ts': value },
    [`kernel-room-contracts: ${CONTRACTS}`],
  ],
  [
    'a room imports a higher one',
    { 'src/kernel/linux/index.ts': "export { value } from '../http/index.js';\n", 'src/kernel/http/index.ts': value },
    ['kernel-room-linux: src/kernel/linux/index.ts'],
  ],
  [
    'a room imports the inside of another',
    { 'src/kernel/linux/proc.ts': value, 'src/kernel/http/index.ts': "export { value } from '../linux/proc.js';\n" },
    ['kernel-rooms-by-their-index: src/kernel/http/index.ts'],
  ],
  [
    'two modules import each other, one of them only a type',
    {
      'src/kernel/linux/a.ts': "import type { B } from './b.js';\nexport type A = B;\nexport const a = 1;\n",
      'src/kernel/linux/b.ts': "import { a } from './a.js';\nexport type B = typeof a;\n",
    },
    ['no-cycles: src/kernel/linux/a.ts'],
  ],
  [
    'an example imports what a stranger’s plugin does not have',
    {
      'plugins-examples/one/index.js': "export { value } from '../../src/kernel/contracts/index.js';\n",
      [CONTRACTS]: value,
    },
    ['examples-see-the-published-contract: plugins-examples/one/index.js'],
  ],
  [
    'an example imports another',
    {
      'plugins-examples/one/index.js': "export { value } from '../two/index.js';\n",
      'plugins-examples/two/index.js': value,
    },
    ['examples-stand-alone: plugins-examples/one/index.js'],
  ],
  [
    'an import leads nowhere',
    { 'src/kernel/agent.ts': "export { value } from './nowhere.js';\n" },
    ['no-unresolvable: src/kernel/agent.ts'],
  ],
];

for (const [what, files, violations] of forbidden) {
  test(`caught: ${what}`, () => assert.deepEqual(violationsOf(files), violations));
}

test('the project keeps its own rules', () => {
  const report = execFileSync(process.execPath, [join(projectRoot, 'scripts/check.mjs'), 'boundaries'], {
    encoding: 'utf8',
  });
  assert.match(report, /^pass .* boundaries: [1-9]\d* modules/);
});

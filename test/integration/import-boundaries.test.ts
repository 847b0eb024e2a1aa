// That `npm run check` would find each wrong import; it is what holds the project itself to the rules.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { projectRoot } from '../project.js';

interface Report {
  readonly summary: {
    readonly totalCruised: number;
    readonly violations: readonly { readonly from: string; readonly rule: { readonly name: string } }[];
  };
}

const value = 'export const value = 1;\n';
const type = 'export type Value = number;\n';

/** What each case may import, and the allowed ways. */
const COMMON: Record<string, string> = {
  'src/kernel/contracts/index.ts': value,
  'src/kernel/linux/index.ts': "export { value } from '../contracts/index.js';\n",
  'src/kernel/linux/inner.ts': value,
  'src/kernel/http/index.ts': "export { value } from '../linux/index.js';\n",
  'src/kernel/agent.ts': "export { value } from './http/index.js';\n",
  'src/cli/version.ts': value,
  'src/plugins/sinks/one/index.ts': "export { value } from '../../../kernel/contracts/index.js';\n",
  'src/plugins/sinks/one/type.ts': type,
  'src/plugins/sinks/two/index.ts': "export { value } from '../one/index.js';\n",
  'src/plugins/sinks/two/inner.ts': value,
  'src/plugins/endpoints/web-ui/browser/page.ts': value,
  'src/api-versions/v1.3/index.ts': "export { value } from '../../kernel/contracts/index.js';\n",
  'src/api-versions/v2.0/index.ts': "export { value } from '../v1.3/index.js';\n",
  'plugins-examples/two/index.js': value,
};

/** A violation: the files that make it up, and the rule that each breaks. */
const forbidden: [what: string, files: Record<string, [text: string, ...rules: string[]]>][] = [
  [
    'the kernel imports a plugin',
    {
      'src/kernel/imports-plugin.ts': [
        "export { value } from '../plugins/sinks/one/index.js';\n",
        'kernel-knows-no-plugin',
      ],
    },
  ],
  [
    'the kernel imports only a type of a plugin',
    {
      'src/kernel/imports-type.ts': [
        "import type { Value } from '../plugins/sinks/one/type.js';\nexport type V = Value;\n",
        'kernel-knows-no-plugin',
      ],
    },
  ],
  [
    'the kernel imports a plugin lazily',
    {
      'src/kernel/imports-lazily.ts': [
        "export const load = () => import('../plugins/sinks/one/index.js');\n",
        'kernel-knows-no-plugin',
      ],
    },
  ],
  [
    'the first module of the command line imports more than the bundle',
    { 'src/cli/main.ts': ["export { value } from './version.js';\n", 'start-loads-the-bundle'] },
  ],
  [
    'a plugin imports the inside of the kernel',
    {
      'src/plugins/sinks/reaches-in/index.ts': [
        "export { value } from '../../../kernel/linux/index.js';\n",
        'plugins-import-contracts-only',
      ],
    },
  ],
  [
    'a template imports what its copies would not find',
    {
      'src/cli/plugin/templates/sink/src/index.ts': [
        "export { value } from '../../../../version.js';\n",
        'templates-see-the-published-contract',
      ],
    },
  ],
  [
    'a plugin imports the inside of another',
    {
      'src/plugins/sinks/imports-inside/index.ts': [
        "export { value } from '../two/inner.js';\n",
        'plugins-by-their-public-entry',
      ],
    },
  ],
  [
    'code for browsers imports what no browser gets',
    {
      'src/plugins/endpoints/web-ui/shared/of-kernel.ts': [
        "export { value } from '../../../../kernel/contracts/index.js';\n",
        'browsers-load-what-is-served',
      ],
      'src/plugins/endpoints/web-ui/browser/of-node.ts': [
        "export { join } from 'node:path';\n",
        'browsers-load-what-is-served',
      ],
    },
  ],
  [
    'the agent imports code for browsers',
    {
      'src/plugins/endpoints/web-ui/index.ts': [
        "export { value } from './browser/page.js';\n",
        'browser-code-is-for-browsers',
      ],
    },
  ],
  [
    'an API version imports the inside of the kernel',
    {
      'src/api-versions/v2.0/reaches-in.ts': [
        "export { value } from '../../kernel/linux/index.js';\n",
        'api-versions-import-contracts-only',
      ],
    },
  ],
  [
    'an API version imports a newer one',
    {
      'src/api-versions/v1.3/newer.ts': ["export { value } from '../v2.0/index.js';\n", 'api-v1.3-imports-older-only'],
    },
  ],
  [
    'the contracts import another room of the kernel',
    {
      'src/kernel/contracts/of-linux.ts': ["export { value } from '../linux/index.js';\n", 'kernel-room-contracts'],
    },
  ],
  [
    'a room imports a higher one',
    { 'src/kernel/linux/higher.ts': ["export { value } from '../http/index.js';\n", 'kernel-room-linux'] },
  ],
  [
    'a room needs the token of a higher one',
    { 'src/kernel/linux/module.ts': ["export { value as HTTP } from '../http/index.js';\n", 'kernel-room-linux'] },
  ],
  [
    'a room imports the module of another',
    {
      'src/kernel/http/names-module.ts': [
        "export { value } from '../linux/module.js';\n",
        'kernel-rooms-by-their-index',
        'modules-are-listed-once',
      ],
    },
  ],
  [
    'a room resolves from the container itself',
    {
      'src/kernel/http/resolves.ts': [
        "export { container } from 'tsyringe';\n",
        'injection-stays-in-composition',
        'no-unresolvable',
      ],
    },
  ],
  [
    'a room imports the inside of another',
    {
      'src/kernel/http/reaches-in.ts': ["export { value } from '../linux/inner.js';\n", 'kernel-rooms-by-their-index'],
    },
  ],
  [
    'two modules import each other, one of them only a type',
    {
      'src/kernel/linux/a.ts': [
        "import type { B } from './b.js';\nexport type A = B;\nexport const a = 1;\n",
        'no-cycles',
      ],
      'src/kernel/linux/b.ts': ["import { a } from './a.js';\nexport type B = typeof a;\n"],
    },
  ],
  [
    'an example imports what a stranger’s plugin does not have',
    {
      'plugins-examples/one/index.js': [
        "export { value } from '../../src/kernel/contracts/index.js';\n",
        'examples-see-the-published-contract',
      ],
    },
  ],
  [
    'an example imports another',
    { 'plugins-examples/three/index.js': ["export { value } from '../two/index.js';\n", 'examples-stand-alone'] },
  ],
  ['an import leads nowhere', { 'src/kernel/nowhere.ts': ["export { value } from './gone.js';\n", 'no-unresolvable'] }],
];

describe('imports', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tallyman-test-boundaries-'));
  const violations = new Map<string, string[]>();
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Cruises the tree by the project's own rules: once for all cases, as a run takes seconds. */
  before(() => {
    const planted = forbidden.flatMap(([, files]) =>
      Object.entries(files).map(([path, [text]]) => [path, text] as const),
    );
    const files = [...Object.entries(COMMON), ...planted];
    for (const [path, text] of files) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    const cruiser = join(projectRoot, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
    const config = join(projectRoot, '.dependency-cruiser.cjs');
    const args = [cruiser, 'src', 'plugins-examples', '--config', config, '--output-type', 'json'];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
    assert.ok(stdout.startsWith('{'), `dependency-cruiser gave no report: ${stderr}`);
    const { summary } = JSON.parse(stdout) as Report;
    assert.ok(summary.totalCruised >= files.length, 'every module was seen');
    for (const { rule, from } of summary.violations) violations.set(from, [...(violations.get(from) ?? []), rule.name]);
  });

  it('by the allowed ways pass', () => {
    for (const path of Object.keys(COMMON)) assert.deepEqual(violations.get(path), undefined, path);
  });

  for (const [what, files] of forbidden) {
    it(`are caught: ${what}`, () => {
      for (const [path, [, ...rules]] of Object.entries(files))
        assert.deepEqual(violations.get(path) ?? [], rules, path);
    });
  }
});

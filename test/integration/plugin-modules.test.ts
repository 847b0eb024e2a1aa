// Modules that a plugin loads besides its entry, and that others could change, under an agent that runs as root.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, describe, it } from 'node:test';
import { agentMain } from '../project.js';
import { AgentProcess } from '../support/agent-process.js';

const skip = process.geteuid?.() === 0 ? false : 'needs root: only then are modules of plugins refused';
const directory = mkdtempSync(join(tmpdir(), 'tallyman-modules-'));
after(() => rmSync(directory, { recursive: true }));
const ran = join(directory, 'ran');

function put(path: string, content: string, mode = 0o644): string {
  const file = join(directory, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  chmodSync(file, mode);
  return file;
}

const member = (kind: string) =>
  kind === 'endpoint' ? 'routes: {}' : 'targets: () => [], collect: async () => ({ specs: [], samples: [] })';
const body = (kind: string, start = '') =>
  `{ $tallyman: 'plugin', kind: '${kind}', name: 'p', apiVersion: 1, description: 'for a test',
     configSchema: { safeParse: (data) => ({ success: true, data }) },
     create: () => ({ ${member(kind)}, start: async () => { ${start} } }) }`;
const marks = `import { writeFileSync } from 'node:fs'; writeFileSync('${ran}', ''); export default 1;`;
const marksCommonJs = `require('node:fs').writeFileSync('${ran}', ''); module.exports = 1;`;

/** Entries whose own file is trusted; each loads a module that others can write. */
const PLUGINS: Readonly<Record<string, string>> = {
  'imports a file beside it': put('a/plugin.mjs', `import './helper.mjs'; export default ${body('endpoint')};`),
  'requires a file beside it': put('b/plugin.cjs', `require('./helper.cjs'); module.exports = ${body('endpoint')};`),
  'imports a package that requires such a file': put(
    'c/plugin.mjs',
    `import 'dependency'; export default ${body('endpoint')};`,
  ),
};
put('a/helper.mjs', marks, 0o666);
put('b/helper.cjs', marksCommonJs, 0o666);
put('c/node_modules/dependency/package.json', '{"name":"dependency","main":"index.js"}');
put('c/node_modules/dependency/index.js', `require('./helper.js');`);
put('c/node_modules/dependency/helper.js', marksCommonJs, 0o666);
const later = put('d/plugin.mjs', `export default ${body('endpoint', `await import('./helper.mjs');`)};`);
put('d/helper.mjs', marks, 0o666);
const sound = put('e/plugin.mjs', `import './helper.mjs'; export default ${body('endpoint')};`);
put('e/helper.mjs', 'export default 1;');
const apart = put('f/plugin.mjs', `import './helper.mjs'; export default ${body('app-metrics')};`);
put('f/helper.mjs', marks, 0o666);

async function tallyman(...args: string[]) {
  const child = spawn(process.execPath, [agentMain, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { output: stdout + stderr, status: status as number | null };
}

const check = (entry: string) => tallyman('--config', put('tallyman.yaml', `plugins:\n  - { ${entry} }\n`), 'check');
const REFUSED = /refused: running as root, and \S+helper\.\S+ is writable by others \(mode 666\): chmod go-w /;

describe('as root, a plugin with a module that others can write', { skip }, () => {
  for (const [what, file] of Object.entries(PLUGINS)) {
    it(`is rejected when it ${what}`, async () => {
      const { output, status } = await check(`use: ${file}, onError: ignore`);
      assert.match(output, REFUSED);
      assert.equal(status, 78);
      assert.equal(existsSync(ran), false, 'the module was not run');
    });
  }

  it('is rejected with isolate: true', async () => {
    const { output, status } = await check(`use: ${apart}, isolate: true`);
    assert.match(output, REFUSED);
    assert.notEqual(status, 0);
    assert.equal(existsSync(ran), false);
  });

  it('is rejected by `tallyman plugin run`', async () => {
    const { output, status } = await tallyman('plugin', 'run', Object.values(PLUGINS)[0]!);
    assert.match(output, REFUSED);
    assert.notEqual(status, 0);
    assert.equal(existsSync(ran), false);
  });

  it('cannot import that module later', async () => {
    const agent = await AgentProcess.start(`plugins:\n  - { use: ${later}, onError: ignore }\n`);
    try {
      const [line] = await agent.said('module refused');
      assert.match(line!, REFUSED);
      assert.equal(existsSync(ran), false);
    } finally {
      await agent.stop();
    }
  });

  it('is loaded when only root can write its modules', async () => {
    const { output, status } = await check(`use: ${sound}`);
    assert.equal(status, 0, output);
  });
});

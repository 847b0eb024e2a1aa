import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { PLUGIN_KINDS, type PluginKind } from '../../src/kernel/contracts/index.js';
import { HttpTarget } from '../../src/testing/index.js';
import { projectRoot } from '../project.js';
import { PluginWorkshop } from '../support/plugin-workshop.js';

const workshop = new PluginWorkshop();
after(() => workshop.remove());
const tallyman = (...args: string[]) => workshop.tallyman(...args);
const write = (name: string, text: string) => workshop.write(name, text);

describe('docs/plugins', () => {
  const page = (name: string) => readFileSync(join(projectRoot, 'docs/plugins', name), 'utf8');
  const examplesOf = (name: string) => [...page(name).matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, code]) => code!);
  const exampleOf = (name: string) => examplesOf(name)[0] ?? '';

  for (const kind of PLUGIN_KINDS) {
    it(`has a page on ${kind} with an example that fulfils the contract`, async () => {
      assert.ok(page('README.md').includes(`[\`${kind}\`]: ${kind}.md`));
      assert.ok(page(`${kind}.md`).includes(`tallyman plugin new ${kind} NAME`));
      const { status, out } = await tallyman('plugin', 'test', write(`of-${kind}.mjs`, exampleOf(`${kind}.md`)));
      assert.equal(status, 0, out);
      assert.ok(out.includes(`, a plugin of kind ${kind}, from `));
    });
  }

  const runExample = (kind: PluginKind, ...args: string[]) =>
    tallyman('plugin', 'run', write(`of-${kind}.mjs`, exampleOf(`${kind}.md`)), ...args);

  it('has examples with the documented output', async () => {
    const names = await runExample('endpoint', '--all');
    assert.match(names.out, /^GET \/names: 200 text\/plain; charset=utf-8\n {2}\/\n/);
    const memory = await runExample('api-version', '--request', '/api/v2.2-memory/memory/');
    assert.match(memory.out, /: 200 application\/json\n {2}\d+\n$/);
    const extended = await runExample('api-version', '--request', '/api/v2.2-memory/version');
    assert.match(extended.out, /: 200 /);
    const influx = await HttpTarget.start({ '/write': '' });
    const { status, error } = await runExample('sink', '--with', `{ url: "${influx.url}/write", host: h }`);
    await influx.stop();
    assert.deepEqual([status, error], [0, '']);
    assert.match(influx.requests[0]!.body, /^container_memory_usage_bytes,host=h,id=\/ value=\d+ \d{19}$/m);
    assert.match((await runExample('metric-source')).out, /memory\.sockets|It has no numbers/);
  });

  it('begins with a plugin of six lines that fulfils the contract and prints the documented output', async () => {
    const [code = ''] = examplesOf('README.md');
    assert.equal(code.trimEnd().split('\n').length, 6);
    assert.ok(page('README.md').indexOf('```') < 50);
    const { status, out } = await tallyman('plugin', 'test', write('hello.mjs', code));
    assert.equal(status, 0, out);
    const ran = await tallyman('plugin', 'run', 'hello.mjs');
    assert.ok(page('README.md').includes(`$ npx tallyman plugin run hello.mjs\n${ran.out}\`\`\``), ran.out);
  });

  it('shows a plugin with an option that fulfils the contract', async () => {
    const file = write('greet.mjs', examplesOf('README.md')[1] ?? '');
    const { status, out } = await tallyman('plugin', 'test', file);
    assert.equal(status, 0, out);
    const ran = await tallyman('plugin', 'run', file, '--with', '{ greeting: hi }');
    assert.equal(ran.out, 'GET /greet: 200 text/plain\n  hi\n');
  });

  it('shows plugins that also work as CommonJS', async () => {
    const common = exampleOf('README.md')
      .replace(/^import (.*) from (.*);$/m, 'const $1 = require($2);')
      .replace('export default', 'module.exports =');
    const { status, out } = await tallyman('plugin', 'test', write('hello.cjs', common));
    assert.equal(status, 0, out);
  });

  it('writes apiVersion as a number in every example', () => {
    const names = ['README.md', ...PLUGIN_KINDS.map((kind) => `${kind}.md`)];
    for (const code of names.flatMap(examplesOf)) assert.match(code, /apiVersion: \d+,/);
  });
});

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type TallymanError, z } from '../contracts/index.js';
import { checkPlugin, loadPlugin, type PluginSources } from './loader.js';

describe('loading a plugin', () => {
  it('recognizes a plugin by brand and contract version, not by class', () => {
    const plain = {
      $tallyman: 'plugin',
      kind: 'endpoint',
      name: 'x',
      apiVersion: 1,
      configSchema: z.any(),
      create: () => ({ routes: {} }),
    };
    assert.equal(checkPlugin({ default: plain }, 'x'), plain);
    assert.equal(checkPlugin({ default: { default: plain } }, 'x'), plain);
    assert.throws(() => checkPlugin({}, 'x'), /does not export a plugin/);
    assert.throws(() => checkPlugin({ ...plain, apiVersion: 2 }, 'x'), /written for plugin API 2/);
    assert.throws(() => checkPlugin({ ...plain, kind: 'sauce' }, 'x'), /unknown kind "sauce"/);
    assert.throws(() => checkPlugin({ ...plain, configSchema: {} }, 'x'), /configSchema/);
  });

  const load = (use: string, from: PluginSources, startTimeout = 60_000) => loadPlugin({ use, startTimeout }, from);
  const directory = mkdtempSync(join(tmpdir(), 'tallyman-plugins-'));
  after(() => rmSync(directory, { recursive: true }));
  const body = `{ $tallyman: 'plugin', kind: 'endpoint', name: 'demo', apiVersion: 1, configSchema: { safeParse: (data) => ({ success: true, data }) }, create: () => ({ routes: {} }) }`;
  writeFileSync(join(directory, 'esm.mjs'), `export default ${body};`);
  writeFileSync(join(directory, 'common.cjs'), `module.exports = ${body};`);
  writeFileSync(join(directory, 'hanging.mjs'), `await new Promise(() => {}); export default ${body};`);
  writeFileSync(join(directory, 'broken.mjs'), 'throw new Error("at import");');
  mkdirSync(join(directory, 'node_modules/only-import'), { recursive: true });
  writeFileSync(
    join(directory, 'node_modules/only-import/package.json'),
    JSON.stringify({ name: 'only-import', type: 'module', exports: { import: './index.js' } }),
  );
  writeFileSync(join(directory, 'node_modules/only-import/index.js'), `export default ${body};`);
  const folder = (name: string, manifest: string) => {
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, 'package.json'), manifest);
    writeFileSync(join(directory, name, 'main.mjs'), `export default ${body};`);
  };
  folder('by-main', JSON.stringify({ main: 'main.mjs' }));
  folder('by-exports', JSON.stringify({ name: 'by-exports', exports: { '.': { default: './main.mjs' } } }));
  folder('unbuilt', JSON.stringify({ name: 'unbuilt', exports: './dist/index.js' }));
  folder('odd', '{');
  mkdirSync(join(directory, 'bare'));
  writeFileSync(join(directory, 'bare/index.cjs'), `module.exports = ${body};`);
  const sources = { builtins: {}, baseDir: directory, assertTrusted: () => {} };

  const uses = [
    './esm.mjs',
    './common.cjs',
    'only-import',
    join(directory, 'esm.mjs'),
    './by-main',
    './by-exports/',
    './bare',
  ];
  for (const use of uses) {
    it(`from ${use.replace(directory, '<dir>')}`, async () => {
      assert.equal((await load(use, sources)).plugin.name, 'demo');
    });
  }

  it('reports a module whose top-level await does not settle within the time limit', async () => {
    const error = (await load('./hanging.mjs', sources, 20).catch((thrown: TallymanError) => thrown)) as TallymanError;
    assert.match(error.message, /^plugin "\.\/hanging\.mjs" could not be loaded from file:.*did not end within 20 ms$/);
    assert.match(error.hint ?? '', /waits in `start`, .*startTimeout/);
  });

  it('reports what cannot be loaded and why', async () => {
    await assert.rejects(load('./broken.mjs', sources), /"\.\/broken\.mjs" could not be loaded .*at import/);
    await assert.rejects(load('./missing.mjs', sources), /nor a module that exists/);
    await assert.rejects(load('no-such-package', sources), /neither built in nor an installed package$/);
    await assert.rejects(load('./odd', sources), /"\.\/odd" is a folder whose package\.json names no module/);
    const { message, hint } = (await load('./unbuilt', sources).catch(
      (error: TallymanError) => error,
    )) as TallymanError;
    assert.match(`${message} ${hint}`, /nor a module that exists: .*unbuilt\/dist\/index\.js .*npm run build/);
    const refuse = () => {
      throw new Error('others can write it');
    };
    await assert.rejects(load('./esm.mjs', { ...sources, assertTrusted: refuse }), /others can write it/);
    const refuseManifest = (path: string) => void (path.endsWith('package.json') && refuse());
    await assert.rejects(load('./by-main', { ...sources, assertTrusted: refuseManifest }), /others can write it/);
  });
});

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { renderConfig } from '../../src/cli/commands/config.js';
import { loadFor } from '../../src/cli/load.js';
import type { LoadedConfig } from '../../src/kernel/config/index.js';
import { type JsonSchema, jsonSchemaOf, keysOf } from '../../src/kernel/config/json-schema.js';
import { uncomment } from '../support/config-sample.js';

const RENEW = 'is stale: run `npm run generate`';

// Tests run in the root of the project.
const read = (path: string) => readFileSync(path, 'utf8');

describe('generated documents', () => {
  const directory = mkdtempSync(join(tmpdir(), `tallyman-test-${process.pid}-`));
  after(() => rmSync(directory, { recursive: true, force: true }));

  const load = (flags: { config?: string }) =>
    loadFor(flags, {
      env: {},
      out: () => {},
      error: () => {},
      notice: () => true,
      workingDirectory: directory,
      systemDirectory: directory,
    });

  it('are up to date', async () => {
    // Not assert.equal: a stale file is reported by its name, not by a page of differences.
    assert.ok(read('config/tallyman.yaml') === (await renderConfig('sample')), `config/tallyman.yaml ${RENEW}`);
    const schema = await renderConfig('schema');
    assert.ok(read('config/tallyman.schema.json') === schema, `config/tallyman.schema.json ${RENEW}`);
    const page = read('docs/configuration.md');
    assert.ok(page.includes(await renderConfig('reference')), `docs/configuration.md ${RENEW}`);
  });

  it('the sample gives the defaults, as it is and uncommented', async () => {
    const defaults = await load({});
    const file = join(directory, 'sample.yaml');
    for (const text of [read('config/tallyman.yaml'), uncomment(read('config/tallyman.yaml'))]) {
      writeFileSync(file, text);
      const loaded = await load({ config: file });
      assert.deepEqual(loaded.effective, defaults.effective);
      assert.deepEqual(settled(loaded), settled(defaults));
    }
  });

  it('the sample names every option of the schema', async () => {
    const sample = read('config/tallyman.yaml');
    const schema = JSON.parse(read('config/tallyman.schema.json')) as JsonSchema;
    for (const name of allKeys(schema)) {
      assert.match(sample, new RegExp(`^ *#? ?(- )?${name.replaceAll('$', '\\$')}:`, 'm'), `no ${name} in the sample`);
    }
  });

  it('the documents contain every default', async () => {
    const { plugins } = await load({});
    const lost = plugins.flatMap(({ id, plugin, options }) =>
      lostDefaults(id, jsonSchemaOf(plugin.configSchema), options),
    );
    assert.deepEqual(lost, [], 'these have a default that .default() gives as output: use .prefault() with the input');
  });

  it('every option has a description', () => {
    const missing = describedKeys('', JSON.parse(read('config/tallyman.schema.json')) as JsonSchema);
    assert.deepEqual(missing, []);
  });
});

/** What a configuration comes to: `with` as the plugins' schemas read it. */
function settled({ config, plugins }: LoadedConfig): unknown {
  return { ...config, plugins: plugins.map(({ plugin: _, with: __, ...rest }) => rest) };
}

/** Options that the schema's reader knows no default of, although they have a value when they are not given. */
function lostDefaults(path: string, schema: JsonSchema, output: unknown): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
    const value = (output as Record<string, unknown> | undefined)?.[name];
    const isLost = member.default === undefined && value !== undefined && !schema.required?.includes(name);
    return [...(isLost ? [`${path}.${name}`] : []), ...lostDefaults(`${path}.${name}`, member, value)];
  });
}

function children(schema: JsonSchema): JsonSchema[] {
  const branches = (schema.allOf ?? []).flatMap((each) => (each as { then?: JsonSchema }).then ?? each);
  return [
    ...Object.values(schema.properties ?? {}),
    ...(schema.items === undefined ? [] : [schema.items]),
    ...branches,
  ];
}

function allKeys(schema: JsonSchema): string[] {
  return [...keysOf(schema), ...children(schema).flatMap(allKeys)];
}

/** Paths of options without a description. `with` is described once, not per plugin. */
function describedKeys(path: string, schema: JsonSchema): string[] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, member]) => [
    ...(member.description === undefined && name !== 'with' ? [`${path}.${name}`] : []),
    ...describedKeys(`${path}.${name}`, member),
  ]);
  const rest = [...(schema.items === undefined ? [] : [schema.items])];
  const plugins = (schema.allOf ?? []).flatMap((each) => (each as { then?: JsonSchema }).then ?? []);
  return [...own, ...[...rest, ...plugins].flatMap((each) => describedKeys(`${path}[]`, each))];
}

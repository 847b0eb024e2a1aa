import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { jsonSchemaOf } from '../../src/kernel/config/json-schema.js';
import type { FieldDescriptor, Plugin } from '../../src/kernel/contracts/index.js';
import { builtinPlugins, defaultPlugins } from '../../src/plugins/builtins.js';
import { projectRoot } from '../project.js';

interface Source {
  readonly name: string;
  readonly fields: readonly FieldDescriptor[];
}

interface Script {
  readSources(plugins: typeof builtinPlugins, defaults: typeof defaultPlugins): Promise<readonly Source[]>;
  renderMetrics(sources: readonly Source[]): string;
}

const folder = join(projectRoot, 'src/plugins/metric-sources');

describe('the metric sources’ documentation', () => {
  let script: Script;
  let sources: readonly Source[];

  before(async () => {
    script = await import(pathToFileURL(join(projectRoot, 'scripts/metrics-document.mjs')).href);
    sources = await script.readSources(builtinPlugins, defaultPlugins);
  });

  it('docs/metrics.md is current', () => {
    const current = readFileSync(join(projectRoot, 'docs/metrics.md'), 'utf8') === script.renderMetrics(sources);
    assert.ok(current, 'docs/metrics.md is stale: run `npm run generate`');
  });

  it('every field is declared once and completely', () => {
    const names = new Set<string>();
    for (const { name, help, source } of sources.flatMap(({ fields }) => fields)) {
      assert.ok(!names.has(name), `${name} is declared twice`);
      names.add(name);
      assert.match(name, /^[a-z0-9_]+(\.[A-Za-z0-9_]+)+$/);
      assert.match(help, /^[A-Z0-9].*\.$/, name);
      assert.ok(
        Object.values(source).some((place) => place !== ''),
        name,
      );
    }
    assert.ok(names.size > 200);
  });

  it('every source has a README that names its plugin, its options and its default', async () => {
    const plugins = await Promise.all(Object.values(builtinPlugins).map((load) => load()));
    const named = new Map(plugins.map((plugin) => [plugin.name, plugin]));
    const folders = readdirSync(folder).filter((name) => name !== 'common');
    assert.equal(folders.length, sources.length);
    for (const name of folders) {
      const readme = readFileSync(join(folder, name, 'README.md'), 'utf8');
      const plugin = named.get(/^# (\w+)$/m.exec(readme)?.[1] ?? '');
      assert.ok(plugin, `${name}/README.md begins with the plugin's name`);
      for (const word of ['**Gives**', '**Needs**', '**Reads**', '## Options', '## Sample output']) {
        assert.ok(readme.includes(word), `${name}/README.md has no ${word}`);
      }
      for (const option of optionsOf(plugin)) assert.ok(readme.includes(`\`${option}\``), `${name}: ${option}`);
      const on = defaultPlugins.some(({ use }) => use === plugin.name);
      assert.equal(readme.includes('Off by default'), !on, `${name}: says whether it is on`);
    }
  });
});

function optionsOf(plugin: Plugin): string[] {
  return Object.keys(jsonSchemaOf(plugin.configSchema).properties ?? {});
}

// Writes what is generated from dist/: from the schemas config/tallyman.yaml, config/tallyman.schema.json and the option
// tables of docs/configuration.md, from the fields of the metric sources docs/metrics.md,
// from the command line docs/tallyman.1. Tests fail while one is stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderConfig } from '../dist/cli/commands/config.js';
import { runCli } from '../dist/cli/program.js';
import { builtinPlugins, defaultPlugins } from '../dist/plugins/builtins.js';
import { readSources, renderMetrics } from './metrics-document.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
writeFileSync(join(root, 'config', 'tallyman.yaml'), await renderConfig('sample'));
writeFileSync(join(root, 'config', 'tallyman.schema.json'), await renderConfig('schema'));

const page = join(root, 'docs', 'configuration.md');
const text = readFileSync(page, 'utf8');
const start = text.indexOf('<!-- options -->\n') + '<!-- options -->\n'.length;
const end = text.indexOf('<!-- end of options -->');
writeFileSync(page, `${text.slice(0, start)}\n${await renderConfig('reference')}\n${text.slice(end)}`);

const sources = await readSources(builtinPlugins, defaultPlugins);
writeFileSync(join(root, 'docs', 'metrics.md'), renderMetrics(sources));

let manual = '';
const cli = { env: {}, error: console.error };
await runCli(['man'], { ...cli, out: (part) => (manual += part) });
writeFileSync(join(root, 'docs', 'tallyman.1'), manual);

// Writes what is generated from dist/: from the schemas config/tallyman.yaml, config/tallyman.schema.json and the option
// tables of docs/configuration.md, from the rooms the picture of docs/architecture.md, from the fields of the metric sources docs/metrics.md,
// from the rules of `why` docs/why.md, from the command line docs/tallyman.1. Tests fail while one is stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderConfig } from '../dist/cli/commands/config.js';
import { runCli } from '../dist/cli/program.js';
import { ROOMS } from '../dist/kernel/rooms.js';
import { builtinPlugins, defaultPlugins } from '../dist/plugins/builtins.js';
import { RULES } from '../dist/plugins/endpoints/why/rules/index.js';
import { readSources, renderMetrics } from './metrics-document.mjs';
import { renderRooms } from './rooms-document.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
writeFileSync(join(root, 'config', 'tallyman.yaml'), await renderConfig('sample'));
writeFileSync(join(root, 'config', 'tallyman.schema.json'), await renderConfig('schema'));

/** Replaces what stands between two marks of a page. */
function renew(page, first, last, content) {
  const file = join(root, 'docs', page);
  const text = readFileSync(file, 'utf8');
  const start = text.indexOf(first) + first.length;
  writeFileSync(file, `${text.slice(0, start)}\n${content}\n${text.slice(text.indexOf(last))}`);
}

renew('configuration.md', '<!-- options -->\n', '<!-- end of options -->', await renderConfig('reference'));
renew('architecture.md', '<!-- rooms -->\n', '<!-- end of rooms -->', `${renderRooms(ROOMS).trimEnd()}\n`);

const sources = await readSources(builtinPlugins, defaultPlugins);
writeFileSync(join(root, 'docs', 'metrics.md'), renderMetrics(sources));

const ruleText = ({ id, title, help, scope, needs = [] }) => {
  const sources = [...new Set(needs.flatMap((need) => need.sources))].map((source) => `\`${source}\``);
  const judges = { containers: 'containers', host: 'the machine', both: 'containers and the machine' }[scope];
  const origin = sources.length === 0 ? 'descriptions and events' : `the metric sources ${sources.join(', ')}`;
  return `### ${id}\n\n${title[0].toUpperCase()}${title.slice(1)}. Judges ${judges}, from ${origin}.\n\n${help}\n`;
};
renew('why.md', '<!-- rules -->\n', '<!-- end of rules -->', RULES.map(ruleText).join('\n'));

let manual = '';
const cli = { env: {}, error: console.error };
await runCli(['man'], { ...cli, out: (part) => (manual += part) });
writeFileSync(join(root, 'docs', 'tallyman.1'), manual);

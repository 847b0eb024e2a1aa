// Renders docs/metrics.md from what the built-in metric sources declare. `npm run generate` writes it.

const INTRODUCTION = `# Metrics

Every quantity that Tallyman measures, as the metric sources declare it. This page is generated (\`npm run generate\`);
a test fails while it is stale.

Values are what the kernel counts, in the unit given, exact to the last digit. A **counter** only grows while the
container lives, a **gauge** goes both ways. Labels tell several numbers of one field apart. The place says where to
look the number up with \`cat\`: in the container's cgroup directory unless it begins with \`/\`. A field that the kernel
does not offer is absent, and the container says why.

A source marked *off* runs when the configuration says so: \`plugins: [{ use: tcp, enabled: true }]\`.
`;

/** Instances of the built-in metric sources, as far as declaring fields needs them. */
export async function readSources(builtinPlugins, defaultPlugins) {
  const on = new Set(defaultPlugins.filter(({ enabled }) => enabled !== false).map(({ use }) => use));
  const plugins = await Promise.all(Object.values(builtinPlugins).map((load) => load()));
  return plugins
    .filter(({ kind }) => kind === 'metric-source')
    .map((plugin) => {
      const context = { clock: { now: () => 0, monotonic: () => 0 } };
      const { fields, part } = plugin.create(context, plugin.configSchema.parse({}));
      return { name: plugin.name, description: plugin.description, on: on.has(plugin.name), part, fields };
    });
}

/** The page for `sources`, as `readSources` gives them. */
export function renderMetrics(sources) {
  const sections = sources.map((source) => `${heading(source)}\n\n${table(source.fields)}\n`);
  return `${INTRODUCTION}\n${sections.join('\n')}`;
}

function heading({ name, description, on, part }) {
  return `## ${name}\n\n${description} Part of a sample: \`${part}\`. By default ${on ? 'on' : '*off*'}.`;
}

function table(fields) {
  const rows = fields.map(({ name, unit, kind, help, source, dimensions = [] }) => [
    `\`${name}\``,
    unit,
    kind,
    dimensions.join(', '),
    help,
    placeOf(source),
  ]);
  const lines = [['field', 'unit', 'kind', 'labels', 'meaning', 'place'], Array(6).fill('---'), ...rows];
  return lines.map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`).join('\n');
}

function placeOf({ any, v1, v2 }) {
  if (any !== undefined) return code(any);
  if (v1 === v2) return code(v1);
  return [...(v1 === undefined ? [] : [`v1 ${code(v1)}`]), ...(v2 === undefined ? [] : [`v2 ${code(v2)}`])].join(
    '<br>',
  );
}

const code = (text) => `\`${text}\``;

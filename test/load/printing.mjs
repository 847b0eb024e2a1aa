// How fast samples become JSON: as the agent prints them, and by the plainest other way, building the same objects and
// JSON.stringify. Runs in the bench's own process, on rows like those of a Docker container with the default sources.
import { newCursor, SamplesV1 } from '../../dist/api-versions/v1.0/sample.js';
import { ByteWriter } from '../../dist/kernel/contracts/bytes/index.js';
import { LayoutTable } from '../../dist/kernel/history/index.js';

const SAMPLES = 60;
const SECONDS = 2;
const FIELDS = `
cpu.usage.total cpu.usage.user cpu.usage.system cpu.cfs.periods cpu.cfs.throttled_periods cpu.cfs.throttled_time
memory.usage memory.max_usage memory.cache memory.rss memory.swap memory.mapped_file memory.working_set memory.failcnt
memory.container.pgfault memory.container.pgmajfault memory.hierarchical.pgfault memory.hierarchical.pgmajfault
memory.total_active_file memory.total_inactive_file memory.kernel`;
const BY_LABEL = [
  [['cpu.usage.per_cpu'], [['0'], ['1']]],
  [
    'io_service_bytes io_serviced'.split(' ').map((name) => `diskio.${name}`),
    ['Read', 'Write'].map((kind) => ['254', '0', '/dev/vda', kind]),
  ],
  [
    'rx_bytes rx_packets rx_errors rx_dropped tx_bytes tx_packets tx_errors tx_dropped'
      .split(' ')
      .map((name) => `network.${name}`),
    [['eth0']],
  ],
  [
    'capacity usage base_usage available inodes inodes_free'.split(' ').map((name) => `filesystem.${name}`),
    [['/dev/vda']],
  ],
];

/** What else of a container its samples show. */
const CONTAINER = { description: { state: { status: 'running' }, networkMode: 'own' }, has: () => true };

/** The columns of a Docker container with the default sources. */
function layoutOf() {
  const column = (name, labels) => ({ field: { name }, ...(labels && { labels }) });
  const plain = FIELDS.trim()
    .split(/\s+/)
    .map((name) => column(name));
  const labelled = BY_LABEL.flatMap(([names, all]) =>
    names.flatMap((name) => all.map((labels) => column(name, labels))),
  );
  return new LayoutTable().intern([...plain, ...labelled]);
}

/** A window over random rows of a layout. */
function windowOf(layout) {
  const width = layout.columns.length;
  const values = Float64Array.from({ length: width * SAMPLES }, () => Math.floor(Math.random() * 1e12));
  const at = (index, cursor) =>
    Object.assign(cursor, {
      layout,
      time: 1.764e15 + index * 1_000_123,
      values,
      residuals: undefined,
      base: index * width,
    });
  return { length: SAMPLES, at };
}

/** Code that builds an object of this shape from a row: literals, so that no other building can be faster. */
function builderOf(template) {
  let column = 0;
  const literal = (value, key) => {
    if (key === 'timestamp') return 'new Date(time / 1000).toISOString()';
    // What no column gives is a constant, here as there.
    if (typeof value === 'number') return value === 0 ? '0' : `values[base + ${column++}]`;
    if (Array.isArray(value)) return `[${value.map((element) => literal(element)).join(',')}]`;
    if (typeof value !== 'object' || value === null) return JSON.stringify(value);
    return `{${Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}:${literal(member, name)}`)}}`;
  };
  return new Function('values', 'base', 'time', `return ${literal(template)}`);
}

function megabytesPerSecond(print) {
  print();
  let bytes = 0;
  const start = performance.now();
  while (performance.now() - start < SECONDS * 1000) bytes += print();
  return bytes / 1e6 / ((performance.now() - start) / 1000);
}

/** MB/s of each way. */
export function comparePrinting() {
  const window = windowOf(layoutOf());
  const printer = new SamplesV1();
  const out = new ByteWriter();
  const print = () => {
    out.length = 0;
    printer.write(out, window, CONTAINER);
    return out.length;
  };
  print();
  const [template] = JSON.parse(out.buffer.toString('utf8', 0, out.length));
  const build = builderOf(template);
  const cursor = newCursor();
  const stringify = () => {
    const samples = [];
    for (let i = 0; i < window.length; i++) {
      const { values, base, time } = window.at(i, cursor);
      samples.push(build(values, base, time));
    }
    return Buffer.byteLength(JSON.stringify(samples));
  };
  return { printed: megabytesPerSecond(print), stringified: megabytesPerSecond(stringify) };
}

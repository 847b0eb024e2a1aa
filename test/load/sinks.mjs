// `node test/load/sinks.mjs [containers] [rounds]`: what a round of each sink costs, from the samples to the packed batches, and for remote
// write beside protobufjs encoding the same series object by object. Sending is not part of it.
import protobuf from 'protobufjs';
import { Batcher } from '../../dist/kernel/delivery/batcher.js';
import { SampleCollector } from '../../dist/kernel/delivery/collector.js';
import { gzipBody } from '../../dist/plugins/sinks/common/index.js';
import elasticsearch from '../../dist/plugins/sinks/elasticsearch/index.js';
import file from '../../dist/plugins/sinks/file/index.js';
import influxdb from '../../dist/plugins/sinks/influxdb/index.js';
import kafka from '../../dist/plugins/sinks/kafka/index.js';
import { recordBatches } from '../../dist/plugins/sinks/kafka/record-batch.js';
import otlp from '../../dist/plugins/sinks/otlp/index.js';
import redis from '../../dist/plugins/sinks/redis/index.js';
import remoteWrite from '../../dist/plugins/sinks/remote-write/index.js';
import { SnappyCompressor } from '../../dist/plugins/sinks/remote-write/snappy.js';
import statsd from '../../dist/plugins/sinks/statsd/index.js';
import { containerOf } from './production.mjs';

const [count = 1000, rounds = 20] = process.argv.slice(2).map(Number);

const { root } = protobuf.parse(`syntax = "proto3";
message WriteRequest { repeated TimeSeries timeseries = 1; }
message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }
message Label { string name = 1; string value = 2; }
message Sample { double value = 1; int64 timestamp = 2; }`);
const WriteRequest = root.lookupType('WriteRequest');

let seconds = 0;
const containers = Array.from({ length: count }, (_, index) => {
  const view = containerOf(index);
  const { at } = view.samples();
  const later = (i, cursor) => {
    const sample = at(i, cursor);
    sample.time += seconds * 1_000_000;
    return sample;
  };
  return { ...view, samples: () => ({ length: 1, at: later }) };
});
const agent = { containers: () => containers };
const clock = { now: () => Date.now() * 1000, monotonic: () => performance.now() };
const logger = { debug() {}, info() {}, warn() {}, error() {} };
const options = remoteWrite.configSchema.parse({ url: 'http://127.0.0.1:1/', host: 'bench' });
const compressor = new SnappyCompressor();

/** CPU time of a call in ms. */
async function costOf(call) {
  const before = process.cpuUsage();
  await call();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** Compressed record batches, which the sink makes when it sends. */
async function kafkaBytes(body) {
  const batches = await recordBatches(body, 3, Date.now(), gzipBody);
  return batches.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

const url = 'http://127.0.0.1:1/';
const SINKS = [
  ['remote-write 1.0', remoteWrite, { url }],
  ['remote-write 2.0', remoteWrite, { url, version: 2 }],
  ['influxdb', influxdb, { url, bucket: 'b' }],
  ['influxdb, not compressed', influxdb, { url, bucket: 'b', compression: 'none' }],
  ['elasticsearch', elasticsearch, { url }],
  ['otlp', otlp, {}],
  ['kafka, JSON', kafka, { brokers: ['k:1'] }, kafkaBytes],
  ['kafka, protobuf', kafka, { brokers: ['k:1'], format: 'protobuf' }, kafkaBytes],
  ['redis', redis, { key: 'k' }],
  ['statsd', statsd, {}],
  ['file', file, { path: '/dev/null' }],
];

/** The sink without its transport. @param bytesOf what of a body would be sent, in bytes */
function withoutTransport({ create, configSchema }, own, bytesOf) {
  const context = { agent: { version: '1', host: { machine: () => ({ machine_id: '' }) } }, logger, clock };
  const sink = create(context, configSchema.parse({ host: 'bench', ...own }));
  const sent = { bytes: 0 };
  const target = Object.create(sink, {
    send: {
      value: async ({ body }) => {
        sent.bytes += await bytesOf(body);
      },
    },
  });
  return { target, sent };
}

/** Collects the series as objects, and encodes those. */
const objects = [];
const byObjects = {
  options,
  format: '',
  encode(sample, out) {
    const base = sample.container.labels.map(([name, value]) => ({ name, value }));
    const timestamp = Math.floor(sample.time / 1000);
    let points = 0;
    const add = (name, labels, value) => {
      const all = [{ name: '__name__', value: name }, ...base, ...labels.map(([n, v]) => ({ name: n, value: v }))];
      all.sort((a, b) => (a.name < b.name ? -1 : 1));
      objects.push({ labels: all, samples: [{ value, timestamp }] });
      points++;
    };
    for (const [i, { family, labels }] of sample.series.entries()) {
      const value = sample.value(i);
      if (!Number.isNaN(value)) add(family.name, labels, value);
    }
    for (const { family, label, value } of sample.facts) add(family.name, label ? [label] : [], Number(value));
    out.ascii('x');
    return points;
  },
  pack() {
    const body = WriteRequest.encode({ timeseries: objects.splice(0) }).finish();
    return Buffer.from(compressor.compress(body));
  },
  send: async () => {},
};

let points = 0;
const measure = async (target) => {
  const collector = new SampleCollector(agent, clock, logger, target);
  const batcher = new Batcher(target);
  const round = async () => {
    points = 0;
    const send = async () => {
      const batch = await batcher.take(0);
      points += batch.points;
      await target.send(batch);
    };
    for (const container of collector.current().living) {
      collector.collect(container, () => batcher.add(collector, 0));
      if (batcher.isFull(0)) await send();
    }
    for (const _ of batcher.due(0, true)) await send();
  };
  const costs = [];
  for (let i = 0; i < rounds + 5; i++) {
    seconds++;
    const cost = await costOf(round);
    if (i >= 5) costs.push(cost);
  }
  return costs.sort((a, b) => a - b)[Math.floor(rounds / 2)];
};
for (const [name, plugin, own, bytesOf = (body) => body.length] of SINKS) {
  const { target, sent } = withoutTransport(plugin, own, bytesOf);
  const cost = await measure(target);
  const size = (sent.bytes / (rounds + 5) / 1000).toFixed(0);
  console.log(
    `${name}: ${cost.toFixed(1)} ms of CPU per round of ${count} containers, ${points} data points, ${size} kB`,
  );
}
console.log(`protobufjs, remote write 1.0 object by object: ${(await measure(byObjects)).toFixed(1)} ms`);

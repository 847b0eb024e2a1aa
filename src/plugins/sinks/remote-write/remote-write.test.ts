import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { type FakeContainer, fakeAgent } from '../../../../test/conformance/world/fake-agent.js';
import { RecordingServer } from '../../../../test/support/recording-server.js';
import {
  decodeRequest2,
  decodeWriteRequest,
  RemoteWriteReceiver,
  RemoteWriteReceiver2,
  unsnappy,
  type WrittenSeries,
} from '../../../../test/support/remote-write-receiver.js';
import { ByteWriter, zstd } from '../../../kernel/contracts/bytes/index.js';
import type {
  AgentView,
  Column,
  ExportContainer,
  ExportSample,
  FieldDescriptor,
  Label,
  MetricFamily,
  PlannedSeries,
} from '../../../kernel/contracts/index.js';
import { deliverOnce, testContext } from '../../../testing/index.js';
import remoteWrite from './index.js';
import { SnappyCompressor } from './snappy.js';
import { SymbolRequestEncoder } from './symbol-request.js';
import { WriteRequestEncoder } from './write-request.js';

const TIME = 1_795_518_450_605_123;

const column = (name: string, more: Partial<FieldDescriptor> = {}, labels?: readonly string[]): Column => ({
  field: { name, unit: 'bytes', kind: 'gauge', help: 'help', source: { any: 'a test' }, ...more },
  ...(labels !== undefined && { labels }),
});

const WEB: FakeContainer = {
  name: '/docker/x',
  namespace: 'docker',
  aliases: ['web', 'x'],
  createdAt: TIME - 60_000_000,
  description: { id: 'x', image: 'shop:1', labels: { tier: 'front', Empty: '' } },
  samples: [
    {
      time: TIME,
      cells: [
        [column('memory.usage'), 2 ** 40],
        [column('cpu.usage.user', { unit: 'nanoseconds', kind: 'counter' }), 2_000_000_001],
        [column('network.rx_bytes', { kind: 'counter', dimensions: ['interface'] }, ['eth0']), 7],
        [column('memory.rss'), Number.NaN],
      ],
    },
  ],
};

describe('remote-write', () => {
  let receiver: RemoteWriteReceiver;
  beforeEach(async () => {
    receiver = await new RemoteWriteReceiver().listen();
  });
  afterEach(() => receiver.close());

  function send(agent: AgentView, options: Record<string, unknown> = {}) {
    const context = testContext({ agent });
    const parsed = remoteWrite.configSchema.parse({ url: receiver.url, host: 'h', ...options });
    return deliverOnce(remoteWrite.create(context, parsed), context, context.signal);
  }

  it('sends the series of /metrics with their labels in order', async () => {
    await send(fakeAgent({ containers: [WEB] }), { cluster: 'c', bearerToken: 't', externalLabels: { Zone: 'z' } });
    const [{ headers, series }] = receiver.received as [RemoteWriteReceiver['received'][0]];
    assert.equal(headers['content-encoding'], 'snappy');
    assert.equal(headers['content-type'], 'application/x-protobuf');
    assert.equal(headers['x-prometheus-remote-write-version'], '0.1.0');
    assert.equal(headers.authorization, 'Bearer t');
    const own = { Zone: 'z', cluster: 'c', container_label_tier: 'front', host: 'h', id: '/docker/x', image: 'shop:1' };
    const find = (name: string) => series.find(({ labels }) => labels.__name__ === name);
    assert.deepEqual(find('container_network_receive_bytes_total'), {
      labels: { __name__: 'container_network_receive_bytes_total', ...own, interface: 'eth0', name: 'web' },
      order: ['Zone', '__name__', 'cluster', 'container_label_tier', 'host', 'id', 'image', 'interface', 'name'],
      samples: [{ value: 7, isStale: false, timestamp: Math.floor(TIME / 1000) }],
    });
    assert.equal(find('container_cpu_user_seconds_total')!.samples[0]!.value, 2.000000001);
    assert.equal(find('container_memory_usage_bytes')!.samples[0]!.value, 2 ** 40);
    assert.equal(find('container_memory_rss'), undefined);
    assert.equal(find('container_start_time_seconds')!.samples.length, 1);
  });

  it('compresses requests as it is asked to, and refuses zstd where Node.js has none', async () => {
    await send(fakeAgent({ containers: [WEB] }));
    const compressions = zstd === undefined ? ['gzip'] : ['gzip', 'zstd'];
    for (const compression of compressions) await send(fakeAgent({ containers: [WEB] }), { compression });
    const [first, ...others] = receiver.received;
    assert.deepEqual(
      others.map(({ headers }) => headers['content-encoding']),
      compressions,
    );
    for (const { series } of others) assert.deepEqual(series, first!.series);
    if (zstd === undefined) {
      await assert.rejects(async () => send(fakeAgent({ containers: [WEB] }), { compression: 'zstd' }), /has no zstd/);
    }
  });

  it('says whether what the receiver answers may pass', async () => {
    const outcome = async (reply: RemoteWriteReceiver['reply']) => {
      receiver.reply = reply;
      return send(fakeAgent({ containers: [WEB] })).then(
        () => 'sent',
        ({ isPermanent, retryAfterMs, message }) => ({
          isPermanent,
          retryAfterMs,
          message: message.split('write ')[1],
        }),
      );
    };
    const html = { 'Content-Type': 'text/html' };
    const page = '<html><head><title>x</title></head><body><h1>502 Bad Gateway</h1>nginx</body></html>';
    assert.deepEqual(await outcome({ status: 429, headers: { 'Retry-After': '7' }, body: 'slow down\n' }), {
      isPermanent: false,
      retryAfterMs: 7_000,
      message: 'answers 429: slow down',
    });
    assert.deepEqual(await outcome({ status: 400, body: 'out of order sample' }), {
      isPermanent: true,
      retryAfterMs: 0,
      message: 'answers 400: out of order sample',
    });
    assert.deepEqual(await outcome({ status: 502, headers: html, body: page }), {
      isPermanent: false,
      retryAfterMs: 0,
      message: 'answers 502: 502 Bad Gateway nginx',
    });
    const ok = (await outcome({ status: 200, headers: html, body: page })) as { isPermanent: boolean; message: string };
    assert.equal(ok.isPermanent, false);
    assert.match(ok.message, /a web page, as no receiver answers/);
    assert.equal(((await outcome({ status: 401, body: 'no' })) as { isPermanent: boolean }).isPermanent, false);
  });
});

describe('remote-write with version 2', () => {
  let receiver: RemoteWriteReceiver2;

  beforeEach(async () => {
    receiver = await new RemoteWriteReceiver2().listen();
  });
  afterEach(() => receiver.close());

  function send(containers: readonly FakeContainer[], options: Record<string, unknown> = {}, url = receiver.url) {
    const context = testContext({ agent: fakeAgent({ containers }) });
    const parsed = remoteWrite.configSchema.parse({ url, host: 'h', version: 2, ...options });
    return deliverOnce(remoteWrite.create(context, parsed), context, context.signal);
  }

  it('sends the same series as version 1, with type, help, unit and the start of counters', async () => {
    await send([WEB]);
    const first = await new RemoteWriteReceiver().listen();
    await send([WEB], { version: 1 }, first.url);
    await first.close();
    const common = ({ labels, order, samples }: WrittenSeries) => ({ labels, order, samples });
    assert.deepEqual(receiver.received[0]!.series.map(common), first.received[0]!.series.map(common));
    const find = (name: string) => {
      const { type, help, unit, startTimestamp } = receiver.received[0]!.series.find(
        ({ labels }) => labels.__name__ === name,
      )!;
      return { type, help, unit, startTimestamp };
    };
    const user = find('container_cpu_user_seconds_total');
    const started = Math.floor((TIME - 60_000_000) / 1000);
    assert.deepEqual(user, { ...user, type: 'METRIC_TYPE_COUNTER', unit: 'seconds', startTimestamp: started });
    assert.equal(user.help, 'help');
    const memory = find('container_memory_usage_bytes');
    assert.deepEqual(memory, { ...memory, type: 'METRIC_TYPE_GAUGE', unit: 'bytes', startTimestamp: 0 });
  });

  it('begins a table of symbols with each request, whose batches of several lanes are made at once', async () => {
    const containers = Array.from({ length: 40 }, (_, i) => ({ ...WEB, name: `/docker/${i}` }));
    await send(containers, { batch: { size: 30 }, concurrency: 3 });
    assert.ok(receiver.received.length > 5);
    const ids = receiver.received.flatMap(({ series }) => series.map(({ labels }) => labels.id));
    assert.equal(new Set(ids).size, 40);
  });

  it('counts samples that the receiver did not write', async () => {
    receiver.unwritten = 2;
    const { results, points } = await send([WEB]);
    assert.deepEqual(results, [{ rejected: 2, message: `${points - 2} of ${points} samples were written` }]);
    receiver.reply = {
      status: 400,
      body: 'out of order',
      headers: { 'X-Prometheus-Remote-Write-Samples-Written': '1' },
    };
    const [partial] = (await send([WEB])).results;
    assert.equal(partial!.rejected, points - 1);
    assert.match(partial!.message!, /answers 400: out of order/);
  });

  it('keeps batches for which the receiver is too old, and names version 1', async () => {
    const hint = /version: 1/;
    receiver.reply = { status: 415, body: 'unsupported proto message' };
    await assert.rejects(send([WEB]), { isPermanent: false, message: /answers 415/, hint });
    const old = await new RecordingServer(() => undefined, '/api/v1/write').listen();
    await assert.rejects(send([WEB], {}, old.url), {
      isPermanent: false,
      message: /does not say what it has written/,
      hint,
    });
    await old.close();
  });
});

/** Families and series as the planner makes them. */
const family = (name: string, index: number): MetricFamily => ({ name, type: 'gauge', help: '', index });
const planned = (name: string, column: number, labels: readonly Label[]): PlannedSeries => ({
  family: family(name, column),
  column,
  minus: -1,
  labels,
  divisor: 1,
  only: undefined,
});

const containerOf = (labels: readonly Label[]): ExportContainer => {
  const view = { createdAt: 0, limits: () => ({ createdAt: 0 }) };
  return { name: '/a', view, labels, description: { state: {} } } as unknown as ExportContainer;
};

function sampleOf(
  container: ExportContainer,
  series: readonly PlannedSeries[],
  values: readonly number[],
  time: number,
): ExportSample {
  return { container, series, facts: [], time, value: (i: number) => values[i]!, cursor: {} as ExportSample['cursor'] };
}

const ENCODERS = [
  {
    version: '1.0',
    make: () => new WriteRequestEncoder(),
    decode: decodeWriteRequest,
  },
  {
    version: '2.0',
    make: () => new SymbolRequestEncoder(),
    decode: decodeRequest2,
  },
];

/** Encodes one request. @returns its series */
function requestOf<E extends WriteRequestEncoder | SymbolRequestEncoder>(
  encoder: E,
  decode: (bytes: Uint8Array) => WrittenSeries[],
  write: (out: ByteWriter) => number,
): WrittenSeries[] {
  const out = new ByteWriter(1);
  encoder.begin();
  const points = write(out);
  encoder.finish(out);
  const series = decode(out.buffer.subarray(0, out.length));
  assert.equal(series.length, points);
  return series;
}

for (const { version, make, decode } of ENCODERS)
  describe(`series of remote write ${version}`, () => {
    const container = containerOf([['id', '/a']]);
    const short = ({ labels, samples }: WrittenSeries) => {
      const [{ value, isStale }] = samples as [WrittenSeries['samples'][0]];
      return `${Object.values(labels).join(' ')} ${isStale ? 'stale' : value}`;
    };

    it('are marked as stale when they end alone, with their column, with their labels and with their container', () => {
      const encoder = make();
      const written = (write: (out: ByteWriter) => number) => requestOf(encoder, decode, write).map(short);
      const both = [planned('m', 0, []), planned('n', 1, [['device', 'sda']])];
      const other = [planned('m', 0, []), planned('n', 1, [['device', 'sdb']])];
      const add = (of: ExportContainer, series: readonly PlannedSeries[], values: readonly number[]) =>
        written((out) => encoder.add(sampleOf(of, series, values, TIME), out));
      assert.deepEqual(add(container, both, [1, 2]), ['m /a 1', 'n sda /a 2']);
      assert.deepEqual(add(container, both, [Number.NaN, 3]), ['m /a stale', 'n sda /a 3']);
      assert.deepEqual(add(container, both, [Number.NaN, 4]), ['n sda /a 4']);
      assert.deepEqual(add(container, other, [5, 6]), ['n sda /a stale', 'm /a 5', 'n sdb /a 6']);
      const renamed = Object.assign(container, { labels: [...container.labels, ['name', 'b']] });
      assert.deepEqual(add(renamed, other, [7, Number.NaN]), ['m /a stale', 'n sdb /a stale', 'm /a b 7']);
      assert.deepEqual(
        written((out) => encoder.end(renamed, TIME, out)),
        ['m /a b stale'],
      );
      assert.deepEqual(
        written((out) => encoder.end(renamed, TIME, out)),
        [],
      );
    });

    it('are marked as stale after a restart when their container is not there any more', () => {
      const before = make();
      const gone = containerOf([['id', '/a']]);
      const there = containerOf([['id', '/b']]);
      const series = [planned('m', 0, []), planned('n', 1, [['device', 'sda']]), planned('o', 2, [])];
      for (const container of [gone, there]) {
        requestOf(before, decode, (out) => before.add(sampleOf(container, series, [1, 2, Number.NaN], TIME), out));
      }
      const state = before.state([gone, there, containerOf([['id', '/never-sent']])]);
      const after = make();
      const isThere = (labels: readonly Label[]) => labels.some(([, value]) => value === '/b');
      const written = requestOf(after, decode, (out) => after.endMissing(state, isThere, TIME, out));
      assert.deepEqual(written.map(short), ['m /a stale', 'n sda /a stale']);
    });

    it('have sorted labels, each once, whatever they are called', () => {
      const name = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,3}$/);
      const labels = fc.uniqueArray(fc.tuple(name, fc.string({ unit: 'binary', minLength: 1 })), {
        selector: ([key]) => key,
      });
      fc.assert(
        fc.property(labels, labels, fc.double(), fc.integer({ min: 1, max: 2 ** 52 }), (own, more, value, time) => {
          const sorted = own.filter(([key]) => key !== '__name__').toSorted(([a], [b]) => (a < b ? -1 : 1));
          const of = containerOf(sorted);
          const series = [
            planned(
              'm',
              0,
              more.filter(([key]) => key !== '__name__'),
            ),
          ];
          const encoder = make();
          const sample = sampleOf(of, series, [Number.isNaN(value) ? 1 : value], time);
          const [written] = requestOf(encoder, decode, (out) => encoder.add(sample, out)) as [WrittenSeries];
          assert.deepEqual(
            written.order,
            [...new Set(written.order)].toSorted((a, b) => (a < b ? -1 : 1)),
          );
          const expected = Object.fromEntries([...sorted, ...series[0]!.labels, ['__name__', 'm']]);
          assert.deepEqual(
            written.labels,
            Object.fromEntries(Object.entries(expected).map(([key, text]) => [key, text!.toWellFormed()])),
          );
          assert.ok(Object.is(written.samples[0]!.value, Number.isNaN(value) ? 1 : value));
          assert.equal(written.samples[0]!.timestamp, Math.floor(time / 1000));
        }),
      );
    });
  });

describe('snappy', () => {
  const compressor = new SnappyCompressor();

  it('gives back any bytes', () => {
    const chunk = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom(Buffer.alloc(90, 7), Buffer.from('label')),
    );
    const bytes = fc.array(chunk, { maxLength: 60 }).map((chunks) => Buffer.concat(chunks));
    fc.assert(fc.property(bytes, (input) => assert.deepEqual(unsnappy(compressor.compress(input)), input)));
  });

  it('gives back more than a block, and makes what repeats smaller', () => {
    const input = Buffer.from(
      Array.from({ length: 9_000 }, (_, i) => `container_memory_usage_bytes{id="/docker/${i}"} ${i * 7919}\n`).join(''),
    );
    const compressed = compressor.compress(input);
    assert.ok(compressed.length < input.length / 3, `${compressed.length} of ${input.length}`);
    assert.deepEqual(unsnappy(compressed), input);
  });
});

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { type FakeContainer, fakeAgent } from '../../../../test/conformance/world/fake-agent.js';
import { scrapable } from '../../../../test/support/exposition.js';
import {
  attributesOf,
  decodeRequest,
  encodePartialSuccess,
  type Metric,
  OtlpReceiver,
} from '../../../../test/support/otlp-receiver.js';
import { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import type { AgentView, Column, ExportSample, FieldDescriptor } from '../../../kernel/contracts/index.js';
import { deliverOnce, testContext } from '../../../testing/index.js';
import { RequestEncoder } from './encoder.js';
import otlp from './index.js';
import { otlpOptions } from './options.js';
import { readResponse } from './wire.js';

const TIME = 1_795_518_450_605_123;

const column = (name: string, more: Partial<FieldDescriptor> = {}, labels?: readonly string[]): Column => ({
  field: { name, unit: 'count', kind: 'gauge', help: `what ${name} is`, source: { any: 'a test' }, ...more },
  ...(labels !== undefined && { labels }),
});
const NS = { unit: 'nanoseconds', kind: 'counter' } as const;
const BYTES = { unit: 'bytes', kind: 'gauge' } as const;
const DISK = { unit: 'bytes', kind: 'counter', dimensions: ['major', 'minor', 'device', 'operation'] } as const;

const WEB: FakeContainer = {
  name: '/docker/x',
  namespace: 'docker',
  aliases: ['web', 'x'],
  createdAt: TIME - 60_000_000,
  description: { id: 'x', image: 'shop:1', imageId: 'sha256:1', labels: { tier: 'front', secret: '1' } },
  samples: [
    {
      time: TIME,
      cells: [
        [column('cpu.usage.total', NS), 5_000_000_000],
        [column('cpu.usage.user', NS), 3_000_000_000],
        [column('cpu.usage.system', NS), 2_000_000_001],
        [column('memory.usage', BYTES), 2n ** 53n + 1n],
        [column('memory.hierarchical.pgfault', { kind: 'counter' }), 100],
        [column('memory.hierarchical.pgmajfault', { kind: 'counter' }), 10],
        [column('diskio.io_service_bytes', DISK, ['8', '0', '/dev/sda', 'Read']), 4096],
        [column('diskio.io_service_bytes', DISK, ['8', '0', '/dev/sda', 'Sync']), 4096],
        [column('network.tx_bytes', { ...DISK, dimensions: ['interface'] }, ['eth0']), 7],
        [column('gpu.load', { unit: 'percent' }), 50],
        [column('gpu.gone'), Number.NaN],
      ],
    },
  ],
};

function worldOf(containers: readonly FakeContainer[]): AgentView {
  return scrapable(fakeAgent({ containers, machine: { machine_id: 'm' } }));
}

describe('otlp', () => {
  let receiver: OtlpReceiver;

  beforeEach(async () => {
    receiver = await new OtlpReceiver().listen();
  });
  afterEach(() => receiver.close());

  function sinkFor(agent: AgentView, options: Record<string, unknown> = {}) {
    const context = testContext({ agent });
    const sink = otlp.create(context, otlp.configSchema.parse({ endpoint: receiver.url, host: 'h', ...options }));
    return () => deliverOnce(sink, context, context.signal);
  }

  function metrics(index = 0): Map<string, Metric> {
    const { resourceMetrics } = receiver.received[index]!.request;
    return new Map(resourceMetrics[0]!.scopeMetrics[0]!.metrics.map((metric) => [metric.name, metric]));
  }

  it('with groupLabels a resource has the grouping of its container, Kubernetes’ by the names of the semantic conventions', async () => {
    const grouped = (labels: Record<string, string>) =>
      worldOf([{ ...WEB, description: { ...WEB.description, labels } }]);
    const sent = async (labels: Record<string, string>) => {
      await sinkFor(grouped(labels), { groupLabels: true })();
      const { attributes } = receiver.received.at(-1)!.request.resourceMetrics[0]!.resource;
      return Object.fromEntries(Object.entries(attributesOf(attributes)).filter(([key]) => /^(k8s|compose)/.test(key)));
    };
    const pod = { 'io.kubernetes.pod.name': 'web-0', 'io.kubernetes.pod.namespace': 'shop' };
    assert.deepEqual(await sent(pod), { 'k8s.namespace.name': 'shop', 'k8s.pod.name': 'web-0' });
    assert.deepEqual(await sent({ 'com.docker.compose.project': 'shop' }), { 'compose.project': 'shop' });
  });

  it('a container is a resource, its numbers have the names of the semantic conventions', async () => {
    const options = {
      labelAllow: ['tier'],
      headers: { 'X-Token': 'abc' },
      cluster: 'c',
      externalLabels: { team: 'a' },
    };
    await sinkFor(worldOf([WEB]), options)();
    const [{ headers, request }] = receiver.received as [OtlpReceiver['received'][0]];
    assert.equal(headers['content-type'], 'application/x-protobuf');
    assert.equal(headers['content-encoding'], 'gzip');
    assert.equal(headers['x-token'], 'abc');
    assert.deepEqual(attributesOf(request.resourceMetrics[0]!.resource.attributes), {
      'host.name': 'h',
      cluster: 'c',
      team: 'a',
      'host.id': 'm',
      'container.id': 'x',
      'container.name': 'web',
      'container.image.name': 'shop:1',
      'container.image.id': 'sha256:1',
      'container.runtime.name': 'docker',
      'tallyman.container': '/docker/x',
      'container.label.tier': 'front',
    });
    const sent = metrics();
    const cpu = sent.get('container.cpu.time')!;
    assert.equal(cpu.unit, 's');
    assert.equal(cpu.sum!.isMonotonic, true);
    assert.equal(cpu.sum!.aggregationTemporality, 'AGGREGATION_TEMPORALITY_CUMULATIVE');
    assert.deepEqual(
      cpu.sum!.dataPoints.map(({ attributes, asDouble }) => [attributesOf(attributes)['cpu.mode'], asDouble]),
      [
        ['user', 3],
        ['system', 2.000000001],
      ],
    );
    const [point] = cpu.sum!.dataPoints;
    assert.equal(point!.timeUnixNano, '1795518450605123000');
    assert.equal(point!.startTimeUnixNano, '1795518390605123000');
    assert.equal(sent.get('container.memory.usage')!.sum!.dataPoints[0]!.asInt, '9007199254740993');
    assert.ok(!sent.get('container.memory.usage')!.sum!.isMonotonic);
    const points = (name: string) =>
      (sent.get(name)?.sum ?? sent.get(name)!.gauge)!.dataPoints.map(({ attributes, asInt, asDouble }) => ({
        ...attributesOf(attributes),
        value: asInt ?? asDouble,
      }));
    assert.deepEqual(points('container.memory.paging.faults'), [
      { 'system.paging.fault.type': 'minor', value: '90' },
      { 'system.paging.fault.type': 'major', value: '10' },
    ]);
    assert.deepEqual(points('container.disk.io'), [
      { 'disk.io.direction': 'read', 'system.device': '/dev/sda', value: '4096' },
    ]);
    assert.deepEqual(points('container.network.io'), [
      { 'network.io.direction': 'transmit', 'network.interface.name': 'eth0', value: '7' },
    ]);
    assert.deepEqual(points('container.gpu.load'), [{ value: 0.5 }]);
    assert.equal(sent.get('container.gpu.load')!.unit, '1');
    assert.equal(sent.has('container.gpu.gone'), false);
    assert.equal(sent.get('container.uptime')!.gauge!.dataPoints.length, 1);
  });

  it('only what the conventions name, when that is wanted; containers by name', async () => {
    const raw = { ...WEB, name: '/raw', aliases: [], description: {} };
    const options = { fields: 'conventions', containersExclude: ['/raw'], compression: 'none' };
    await sinkFor(worldOf([WEB, raw]), options)();
    assert.equal(metrics().has('container.gpu.load'), false);
    assert.equal(receiver.received[0]!.request.resourceMetrics.length, 1);
    assert.equal(receiver.received[0]!.headers['content-encoding'], undefined);
  });

  it('sends the CPUs in use since the sample before', async () => {
    const world = worldOf([WEB]);
    const send = sinkFor({ ...world, containers: () => world.containers() });
    await send();
    const later = {
      ...WEB,
      samples: [{ time: TIME + 2_000_000, cells: [[column('cpu.usage.total', NS), 8_000_000_000]] }],
    } as FakeContainer;
    const { samples } = worldOf([later]).containers()[0]!;
    Object.assign(world.containers()[0]!, { samples });
    await send();
    assert.equal(metrics(1).get('container.cpu.usage')!.gauge!.dataPoints[0]!.asDouble, 1.5);
    assert.equal(metrics(1).get('container.cpu.time')!.sum!.dataPoints[0]!.asDouble, 8);
  });

  it('sends many containers in several requests', async () => {
    const many = Array.from({ length: 50 }, (_, i) => ({ ...WEB, name: `/c${i}` }));
    await sinkFor(worldOf(many), { batch: { size: 100 } })();
    assert.ok(receiver.received.length > 3);
    assert.equal(receiver.received.flatMap(({ request }) => request.resourceMetrics).length, 50);
  });

  it('says what the receiver refuses or leaves out', async () => {
    receiver.replies.push({ status: 503, headers: { 'Retry-After': '5' } });
    await assert.rejects(sinkFor(worldOf([WEB]))(), {
      isPermanent: false,
      retryAfterMs: 5_000,
      message: /answers 503/,
    });
    receiver.replies.push({ status: 400 });
    await assert.rejects(sinkFor(worldOf([WEB]))(), { isPermanent: true, message: /answers 400/ });
    receiver.replies.push({ status: 200, body: encodePartialSuccess(3, 'too old') });
    const { results } = await sinkFor(worldOf([WEB]))();
    assert.deepEqual(results, [{ rejected: 3, message: 'too old' }]);
  });
});

describe('wire format', () => {
  it('any text and number comes out of the official decoder as it went in', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.bigInt(-(2n ** 63n), 2n ** 63n - 1025n),
        fc.double(),
        (text, exact, double) => {
          const value = Number(exact);
          const out = new ByteWriter(1);
          const family = { name: text, type: 'gauge', help: '', index: 0 } as const;
          const planned = { family, minus: -1, divisor: 1, only: undefined };
          const values = Float64Array.of(value, double);
          const sample = {
            container: { kind: 'machine', description: {}, view: {} },
            time: 1,
            series: [
              { ...planned, column: 0, labels: [[text, text]] },
              { ...planned, column: 1, labels: [] },
            ],
            facts: [],
            cursor: { time: 1, values, residuals: Int16Array.of(Number(exact - BigInt(value)), 0), base: 0 },
            value: (i: number) => values[i]!,
          } as unknown as ExportSample;
          const agent = { version: '1', host: { machine: () => ({ machine_id: '' }) } } as unknown as AgentView;
          const points = new RequestEncoder(otlpOptions.parse({}), agent).add(sample, out);
          assert.equal(points, Number.isNaN(double) ? 1 : 2);
          const bytes = out.buffer.subarray(0, out.length);
          const [metric] = decodeRequest(bytes).resourceMetrics[0]!.scopeMetrics[0]!.metrics;
          const wellFormed = text.toWellFormed();
          assert.equal(metric!.name ?? '', wellFormed);
          assert.equal(metric!.gauge!.dataPoints[0]!.asInt, String(exact));
          assert.deepEqual(attributesOf(metric!.gauge!.dataPoints[0]!.attributes), { [wellFormed]: wellFormed });
          const second = metric!.gauge!.dataPoints[1];
          const { asDouble, asInt } = second ?? {};
          if (points === 1) assert.equal(second, undefined);
          else if (asInt === undefined) assert.ok(Object.is(Number(asDouble ?? 0), double));
          else assert.ok(Number(asInt) === double);
        },
      ),
    );
  });

  it('no answer of a receiver is too odd', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const partial = readResponse(bytes);
        assert.ok(partial === undefined || Number.isFinite(partial.rejected));
      }),
    );
    assert.deepEqual(readResponse(encodePartialSuccess(2 ** 40, 'é')), { rejected: 2 ** 40, message: 'é' });
    assert.equal(readResponse(new Uint8Array()), undefined);
  });
});

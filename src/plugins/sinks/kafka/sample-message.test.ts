import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { projectRoot } from '../../../../test/project.js';
import { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import type { ExportContainer, ExportSample, Label, PlannedSeries } from '../../../kernel/contracts/index.js';
import { sampleMessageEncoder } from './sample-message.js';

const { root } = protobuf.parse(readFileSync(join(projectRoot, 'config/sample.proto'), 'utf8'));
const Sample = root.lookupType('tallyman.v1.Sample');

interface DecodedMetric {
  readonly name: string;
  readonly labels?: readonly { readonly name: string; readonly value: string }[];
  /** As text. */
  readonly integer?: string;
  readonly number?: number;
}

const decode = (out: ByteWriter) =>
  Sample.toObject(Sample.decode(out.buffer.subarray(0, out.length)), { longs: String, arrays: false }) as {
    readonly time: string;
    readonly labels?: readonly { readonly name: string; readonly value: string }[];
    readonly metrics: readonly DecodedMetric[];
  };

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 });
const labels = fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name, maxLength: 5 });
const value = fc.oneof(
  fc.double(),
  fc.maxSafeInteger(),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 62n }).map((exact) => Number(exact)),
);

function sampleOf(time: number, own: readonly Label[], metrics: readonly (readonly [readonly Label[], number])[]) {
  const series = metrics.map(([more], column): PlannedSeries => {
    const family = { name: `m${column}`, type: 'gauge', help: '', index: column } as const;
    return { family, column, minus: -1, labels: more, divisor: 1, only: undefined };
  });
  const values = Float64Array.from(metrics, ([, number]) => number);
  const residuals = Int16Array.from(metrics, (_, i) => i - 1);
  return {
    container: { labels: own } as ExportContainer,
    time,
    series,
    facts: [],
    cursor: { time, values, residuals, base: 0 } as unknown as ExportSample['cursor'],
    value: (i: number) => values[i]!,
  } satisfies ExportSample;
}

describe('samples as protobuf', () => {
  it('are what protobufjs decodes by the shipped definition', () => {
    const metrics = fc.array(fc.tuple(labels, value), { maxLength: 6 });
    fc.assert(
      fc.property(fc.maxSafeInteger(), labels, metrics, (time, own, all) => {
        const out = new ByteWriter(1);
        const written = sampleMessageEncoder()(sampleOf(time, own, all), out);
        const present = all
          .map(([more, number], i) => ({ more, number, i }))
          .filter(({ number }) => !Number.isNaN(number));
        assert.equal(written, present.length);
        if (written === 0) {
          assert.equal(out.length, 0);
          return;
        }
        const decoded = decode(out);
        const plain = (list: readonly Label[]) =>
          list.map(([name, of]) => ({ name: name.toWellFormed(), value: of.toWellFormed() }));
        assert.equal(decoded.time, String(time));
        assert.deepEqual(decoded.labels ?? [], plain(own));
        const byName = new Map(decoded.metrics.map((metric) => [metric.name, metric]));
        for (const { more, number, i } of present) {
          const metric = byName.get(`m${i}`)!;
          assert.deepEqual(metric.labels ?? [], plain(more));
          if (!Number.isInteger(number) || Math.abs(number) >= 2 ** 63) assert.ok(Object.is(metric.number, number));
          else {
            const residual = Number.isSafeInteger(number) ? 0n : BigInt(i - 1);
            assert.equal(metric.integer, String(BigInt(number) + residual));
          }
        }
      }),
    );
  });

  it('have the values of facts, exactly', () => {
    const family = { name: 'limit', type: 'gauge', help: '', index: 0 } as const;
    const facts = [
      { family, value: 2n ** 62n + 1n },
      { family: { ...family, name: 'started' }, value: 1.5 },
    ];
    const out = new ByteWriter();
    assert.equal(sampleMessageEncoder()({ ...sampleOf(1, [], []), facts }, out), 2);
    assert.deepEqual(decode(out).metrics, [
      { name: 'limit', integer: String(2n ** 62n + 1n) },
      { name: 'started', number: 1.5 },
    ]);
  });
});

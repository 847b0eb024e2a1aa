import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { ByteWriter } from '../../kernel/contracts/bytes/index.js';
import type { ApiRequest, Column } from '../../kernel/contracts/index.js';
import { LayoutTable, SampleRing, SampleRow } from '../../kernel/history/index.js';
import { containerQuery } from './query.js';
import { RowPrinterBuilder } from './row-printer.js';
import { newCursor } from './sample.js';
import * as sections from './sections/index.js';
import { parseTime } from './time.js';

it('parses RFC 3339 times with any number of fraction digits and any offset', () => {
  assert.deepEqual(parseTime('1970-01-01T00:00:01.5Z'), { floor: 1_500_000, ceiling: 1_500_000, zero: false });
  assert.deepEqual(parseTime('1970-01-01T02:00:01.0000019+02:00'), {
    floor: 1_000_001,
    ceiling: 1_000_002,
    zero: false,
  });
  assert.equal(parseTime('0001-01-01T00:00:00Z')!.zero, true);
  const odd = [
    '',
    'yesterday',
    '2026-02-30T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01 00:00:00Z',
    '2026-01-01T00:00:00',
  ];
  for (const text of odd) assert.equal(parseTime(text), undefined, text);
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date('2200-01-01'), noInvalidDate: true }), (date) => {
      assert.equal(parseTime(date.toISOString())!.floor, date.getTime() * 1000);
    }),
  );
  fc.assert(fc.property(fc.string(), (text) => void parseTime(text)));
});

it('parses request bodies with defaults, keys in any case and text after the first value', async () => {
  const query = (body: string) => containerQuery({ text: async () => body } as ApiRequest);
  for (const body of ['', '  \n', '{}', 'null', '{"num_stats":null}', '{"x":1} {"num_stats":2}', 'null]']) {
    assert.deepEqual((await query(body)).samples, { count: 60 }, body);
  }
  assert.deepEqual((await query('{"NUM_Stats":7,"a":"}\\"{"}garbage')).samples, { count: 7 });
  const range = await query('{"Start":"1970-01-01T00:00:01.0000001Z","end":"1970-01-01T00:00:01.0000009Z"}');
  assert.deepEqual(range, { samples: { count: 60, start: 1_000_001, end: 1_000_000 }, empty: true });
  for (const body of [
    '{bad',
    'x',
    '[]',
    '1',
    '"a"',
    '{"num_stats":1.5}',
    '{"num_stats":"1"}',
    '{"start":1}',
    '{"a":1',
  ]) {
    await assert.rejects(query(body), /^RequestError: unable to decode the json value: /, body);
  }
});

it('omits filesystems whose mount is gone, and lists those whose size is known', () => {
  const column = (name: string, device: string): Column => ({
    field: { name: `filesystem.${name}`, unit: 'bytes', kind: 'gauge', help: name, source: {}, dimensions: ['device'] },
    labels: [device],
  });
  const devices = ['gone', '/dev/a', 'gone too', '/dev/b'];
  const layout = new LayoutTable().intern(
    devices.flatMap((device) => [column('capacity', device), column('usage', device)]),
  );
  const b = new RowPrinterBuilder();
  sections.filesystems(b.text('{"x":0'), layout);
  const printer = b.text('}').build();
  const row = new SampleRow();
  row.begin(layout.columns.length);
  for (const at of [2, 3, 6, 7]) row.set(at, at);
  const ring = new SampleRing(1);
  ring.push(layout, 1, row);
  const out = new ByteWriter(1);
  printer.write(out, ring.window().at(0, newCursor()));
  const { filesystem } = JSON.parse(out.buffer.toString('latin1', 0, out.length)) as {
    filesystem: { device: string }[];
  };
  assert.deepEqual(
    filesystem.map(({ device }) => device),
    ['/dev/a', '/dev/b'],
  );
});

it('reports the container’s own block I/O as the disk counters of its filesystem, without unmeasured counters', () => {
  const column = (name: string, labels: readonly string[]): Column => ({
    field: { name, unit: 'count', kind: 'gauge', help: name, source: {} },
    labels,
  });
  const io = (table: string, device: string, operation: string) =>
    column(`diskio.${table}`, ['254', '0', device, operation]);
  const cells: readonly (readonly [Column, number])[] = [
    [column('filesystem.usage', ['/dev/vda']), 7],
    [io('io_serviced', '/dev/vda', 'Read'), 3],
    [io('io_serviced', '/dev/vda', 'Write'), 0],
    [io('io_serviced', '/dev/vdb', 'Read'), 99],
    [io('io_service_bytes', '/dev/vda', 'Read'), 12_800],
    [io('io_service_bytes', '/dev/vda', 'Write'), Number.NaN],
    [io('io_service_time', '/dev/vda', 'Read'), 5_999_999],
  ];
  const row = new SampleRow();
  const printed = (shown: typeof cells) => {
    const ring = new SampleRing(Number.MAX_SAFE_INTEGER);
    row.begin(shown.length);
    for (const [index, [, value]] of shown.entries()) row.set(index, value);
    ring.push(new LayoutTable().intern(shown.map(([cell]) => cell)), 1, row);
    const cursor = ring.window().at(0, newCursor());
    const builder = new RowPrinterBuilder();
    sections.filesystems(builder, cursor.layout);
    const out = new ByteWriter();
    builder.build().write(out, cursor);
    return JSON.parse(`{${out.buffer.toString('utf8', 1, out.length)}}`).filesystem[0];
  };
  const { reads_completed, writes_completed, sectors_read, read_time, ...rest } = printed(cells);
  assert.deepEqual([reads_completed, writes_completed, sectors_read, read_time], [3, 0, 25, 5]);
  for (const name of ['sectors_written', 'write_time', 'reads_merged', 'io_time']) assert.ok(!(name in rest), name);
  const machine = printed([[column('filesystem.available', ['/dev/vda']), 1], ...cells]);
  assert.deepEqual([machine.reads_completed, machine.io_time], [0, 0]);
});

it('prints conditional members, floats, thousandths and absent columns', () => {
  const column = (name: string): Column => ({ field: { name, unit: 'count', kind: 'gauge', help: name, source: {} } });
  const layout = new LayoutTable().intern(['a', 'b'].map(column));
  const b = new RowPrinterBuilder();
  b.text('[').integer(layout.indexOf('a')).text(',').integer(layout.indexOf('none'));
  b.ifPositive(1, () => b.text(',+').integer(1).text('+'));
  b.ifPresent(1, () => b.text(',?').float(1).text('?'));
  b.text(',').millionfold(1).text(']');
  const printer = b.build();
  const print = (first: number, second: number): string => {
    const row = new SampleRow();
    const ring = new SampleRing(1);
    row.begin(2);
    row.set(0, first);
    row.set(1, second);
    ring.push(layout, 1, row);
    const out = new ByteWriter(1);
    printer.write(out, ring.window().at(0, newCursor()));
    return out.buffer.toString('latin1', 0, out.length);
  };
  assert.equal(print(5, 7), '[5,0,+7+,?7?,7000000]');
  assert.equal(print(5, 0), '[5,0,?0?,0]');
  assert.equal(print(Number.NaN, Number.NaN), '[0,0,0]');
  assert.equal(print(-1, 0.25), '[-1,0,+0+,?0.25?,0]');
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LogDestination } from './destination.js';
import { LineOutput, LoggerSource, RecentMessages } from './index.js';
import { LineLimiter } from './limiter.js';

const failure = (code: string) => Object.assign(new Error(`${code}: of the test`), { code });

describe('LineOutput', () => {
  it('completes partial writes', () => {
    let written = '';
    const output = new LineOutput(7, (descriptor, bytes) => {
      assert.equal(descriptor, 7);
      written += bytes.toString('utf8', 0, 3);
      return Math.min(3, bytes.length);
    });
    assert.equal(output.write('a longer line\n'), true);
    assert.equal(written, 'a longer line\n');
  });

  it('reports a full pipe, and begins a new line after a truncated one', () => {
    let written = '';
    let room = 5;
    const output = new LineOutput(2, (_, bytes) => {
      if (room === 0) throw failure('ENOSPC');
      const length = Math.min(room, bytes.length);
      written += bytes.toString('utf8', 0, length);
      room -= length;
      return length;
    });
    assert.equal(output.write('0123456789\n'), false);
    assert.equal(output.failure, 'ENOSPC: of the test');
    assert.equal(output.write('x\n'), false);
    room = 100;
    assert.equal(output.write('next\n'), true);
    assert.deepEqual([written, output.failure], ['01234\nnext\n', undefined]);
  });

  it('waits for a slow reader, but only once for one that does not read', () => {
    let tries = 0;
    const behind = new LineOutput(2, (_, bytes) => {
      if (++tries < 3) throw failure('EAGAIN');
      return bytes.length;
    });
    assert.equal(behind.write('x\n'), true);
    let gone = 0;
    const stuck = new LineOutput(2, () => {
      gone++;
      throw failure('EAGAIN');
    });
    assert.deepEqual([stuck.write('x\n'), stuck.write('y\n')], [false, false]);
    assert.equal(gone, 7);
  });
});

describe('a log whose output fails', () => {
  function fixture() {
    const disk = { full: false, text: '', failure: undefined as string | undefined };
    const write = (text: string) => {
      disk.failure = disk.full ? 'ENOSPC: no space' : undefined;
      if (!disk.full) disk.text += text;
      return !disk.full;
    };
    const output = {
      write,
      get failure() {
        return disk.failure;
      },
    };
    const messages = () =>
      disk.text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line).msg as string);
    return { disk, output, messages };
  }

  it('does not throw, counts lost lines, and reports them first when writing works again', () => {
    const { disk, output, messages } = fixture();
    const logs = new LoggerSource({ level: 'info', format: 'json' }, output);
    const logger = logs.logger('docker');
    disk.full = true;
    logger.error('one');
    logger.warn('two');
    assert.deepEqual(logs.state(), { lost: 2, leftOut: 0, failure: 'ENOSPC: no space' });
    disk.full = false;
    logger.info('three');
    logger.info('four');
    assert.deepEqual(logs.state(), { lost: 2, leftOut: 0 });
    const [report, ...others] = messages();
    assert.match(report!, /^2 lines could not be written since \d{4}-\S+Z: ENOSPC: no space$/);
    assert.deepEqual(others, ['three', 'four']);
  });

  it('reports lost lines even when nothing else is logged', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const { disk, output, messages } = fixture();
    const destination = new LogDestination(output, (line) => line);
    disk.full = true;
    destination.write('{"msg":"x"}\n');
    t.mock.timers.tick(60_000);
    assert.equal(destination.lost, 1);
    disk.full = false;
    t.mock.timers.tick(5_000);
    t.mock.timers.tick(60_000);
    assert.equal(messages().length, 1);
    assert.match(messages()[0]!, /^1 line could not be written since /);
    assert.equal(destination.failure, undefined);
  });
});

describe('LineLimiter', () => {
  const admitted = (limiter: LineLimiter, part: string, messages: readonly string[]) =>
    messages.filter((message) => limiter.admits(part, message)).length;

  it('limits similar lines, and lines per component', () => {
    const limiter = new LineLimiter({ alike: 3, perPart: 5 }, () => 0);
    assert.equal(admitted(limiter, 'docker', ['read 1', 'read 22', 'read 333', 'read 4', 'read 5']), 3);
    assert.equal(admitted(limiter, 'docker', ['a', 'b', 'c', 'd']), 2);
    assert.equal(admitted(limiter, 'podman', ['read 1']), 1);
    assert.equal(limiter.leftOut, 4);
    assert.deepEqual(limiter.nextMinute(), [
      { part: 'docker', admitted: 5, leftOut: 2 },
      { part: 'docker', alike: 'read 1', admitted: 3, leftOut: 2 },
    ]);
    assert.deepEqual(limiter.nextMinute(), []);
    assert.equal(admitted(limiter, 'docker', ['read 1']), 1);
  });

  it('counts every line as admitted or suppressed', () => {
    const logged = fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.string({ maxLength: 3 })), { maxLength: 200 });
    const limits = fc.record({ alike: fc.nat(5), perPart: fc.nat(20) });
    fc.assert(
      fc.property(logged, limits, (lines, limit) => {
        const limiter = new LineLimiter(limit, () => 0);
        const through = lines.filter(([part, message]) => limiter.admits(part, message)).length;
        const left = limiter.nextMinute().reduce((sum, { leftOut }) => sum + leftOut, 0);
        assert.equal(through + left, lines.length);
        assert.equal(left, limiter.leftOut);
        if (limit.perPart > 0) assert.ok(through <= 2 * limit.perPart);
        if (limit.alike === 0 && limit.perPart === 0) assert.equal(left, 0);
      }),
    );
  });

  it('reports suppressed lines at the end of the minute; debug and access log lines have no limit', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const lines: { level: string; part: string; msg: string; leftOut?: number }[] = [];
    const options = { level: 'debug', format: 'json', limit: { alike: 2, perPart: 0 } } as const;
    const logs = new LoggerSource(options, { write: (line) => lines.push(JSON.parse(line)) > 0 });
    const logger = logs.logger('docker');
    for (let i = 0; i < 10; i++) logger.warn(`container ${i} is odd`);
    for (let i = 0; i < 10; i++) logger.debug('looked');
    for (let i = 0; i < 10; i++) logs.logger('http', true).info('request');
    assert.equal(lines.length, 22);
    assert.equal(logs.state().leftOut, 8);
    t.mock.timers.tick(60_000);
    const { part, msg, leftOut } = lines.at(-1)!;
    const text = '8 more lines like this one were suppressed within a minute: container 0 is odd';
    assert.deepEqual([part, msg, leftOut], ['docker', text, 8]);
    logger.warn('container 11 is odd');
    assert.equal(lines.length, 24);
    for (let i = 0; i < 3; i++) logger.warn('container 12 is odd');
    logs.flush();
    assert.match(lines.at(-1)!.msg, /^2 more lines like this one/);
    logs.change({ level: 'info', limit: { alike: 0, perPart: 0 } });
    for (let i = 0; i < 10; i++) logger.warn(`container ${i} is odd`);
    assert.equal(lines.length, 36);
  });
});

it('RecentMessages suppresses a repeated message for ten minutes, also with other messages in between', () => {
  const recent = new RecentMessages();
  const logged = ['a', 'b', 'a', 'b', 'a 1', 'a 2'].filter((message) => recent.isNew(message, 0));
  assert.deepEqual(logged, ['a', 'b', 'a 1']);
  assert.equal(recent.isNew('a', 600_000), true);
});

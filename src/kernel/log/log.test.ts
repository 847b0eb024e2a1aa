import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { it } from 'node:test';
import { entryFormatter } from './format.js';
import { createClock, LoggerSource } from './index.js';

it('the clock has microsecond resolution and agrees with the system clock', () => {
  const clock = createClock();
  let previous = clock.now();
  for (let i = 0; i < 1000; i++) {
    const earliestMs = Date.now();
    const now = clock.now();
    const latestMs = Date.now();
    assert.ok(Number.isSafeInteger(now) && now >= previous);
    // Between the two, whatever kept the process from running.
    assert.ok(
      now / 1000 > earliestMs - 10 && now / 1000 < latestMs + 10,
      `${now / 1000} is not in ${earliestMs} to ${latestMs}`,
    );
    previous = now;
  }
});

it('the clock follows changes of the system clock', (t) => {
  const clock = createClock();
  const before = clock.now();
  const real = Date.now;
  t.mock.method(Date, 'now', () => real() - 3_600_000);
  assert.ok(clock.now() < before - 3_500_000_000);
});

it('a change of the level applies to existing loggers', () => {
  const lines: string[] = [];
  const source = new LoggerSource({ level: 'warn', format: 'json' }, { write: (line) => lines.push(line) > 0 });
  const early = source.logger('early');
  source.change({ level: 'debug' });
  early.debug('shown');
  source.logger('late').debug('shown too');
  source.change({ level: 'silent' });
  early.error('not shown');
  assert.equal(lines.length, 2);
});

it('lines are JSON with level, UTC time and component; lower levels are omitted', () => {
  const lines: string[] = [];
  const source = new LoggerSource({ level: 'warn', format: 'json' }, { write: (line) => lines.push(line) > 0 });
  source.logger('docker').info('not shown');
  source.logger('docker').warn('daemon away', { endpoint: 'unix:///x' });
  const entry = JSON.parse(lines[0]!) as Record<string, string>;
  assert.equal(lines.length, 1);
  assert.equal(entry.level, 'warn');
  assert.equal(entry.part, 'docker');
  assert.equal(entry.endpoint, 'unix:///x');
  assert.match(entry.time!, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
});

it('lines for journald begin with their priority', () => {
  const program = `
    import { LoggerSource } from ${JSON.stringify(new URL('./index.js', import.meta.url).href)};
    import { fstatSync } from 'node:fs';
    const { dev, ino } = fstatSync(2);
    process.env.JOURNAL_STREAM = process.argv[1] === 'journal' ? dev + ':' + ino : '1:2';
    const log = new LoggerSource({ level: 'debug', format: 'auto' }).logger('docker');
    log.warn('daemon away', { endpoint: 'unix:///x', hint: 'start it' });
    log.error('two\\nlines');
    log.info('back');`;
  const run = (...args: string[]) => spawnSync(process.execPath, ['--input-type=module', '-e', program, ...args]);
  assert.equal(
    run('journal').stderr.toString(),
    '<4>docker: daemon away endpoint="unix:///x" → start it\n<3>docker: two\n<3>lines\n<6>docker: back\n',
  );
  assert.match(run('other').stderr.toString(), /^\{"level":"warn"/);
});

it('control characters and newlines in messages are escaped', () => {
  const form = entryFormatter('pretty');
  const msg = '/a\u001b[2J\n12:00:00 error agent: forged';
  const line = form({ level: 'warn', time: '2026-11-26T11:00:00.000Z', part: 'discovery', msg, name: '\u009b2J' });
  assert.match(line, /\/a\\u001b\[2J\n {6}12:00:00 error agent: forged name="\\u009b2J"\n$/);
});

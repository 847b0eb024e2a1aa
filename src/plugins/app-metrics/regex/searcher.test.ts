import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Searcher } from './searcher.js';

/** Takes minutes on the text, and is no larger than an expression may be. */
const SLOW = '(?i)(\\pL{1,450}b)';
const LETTERS = 'a'.repeat(262_144);
const { signal } = new AbortController();

describe('Searcher', () => {
  const searcher = new Searcher(100);
  after(() => searcher.close());
  const search = (container: string, text: string, ...regexes: string[]) =>
    searcher.search({ container, text, regexes, signal });

  it('returns the first group of the first match of each expression', async () => {
    const { findings } = await search('/a', 'x=1 y=2', 'x=(\\d)', 'z=(\\d)', 'y=(\\d)');
    assert.deepEqual(findings, [{ found: '1' }, { found: undefined }, { found: '2' }]);
    assert.deepEqual((await search('/a', 'x=3', 'x=(\\d)')).findings, [{ found: '3' }]);
  });

  it('reports an invalid expression', async () => {
    const { findings } = await search('/a', 'x', '(', '(?i)(\\pL{1,900}b)', '(x)');
    assert.match((findings[0] as { unusable: string }).unusable, /does not compile/);
    assert.match((findings[1] as { unusable: string }).unusable, /too large/);
    assert.deepEqual(findings[2], { found: 'x' });
  });

  it('terminates an expression that exceeds its time limit, without blocking the event loop', async () => {
    let done = false;
    const slow = search('/hostile', LETTERS, SLOW, '(a)').finally(() => {
      done = true;
    });
    let turns = 0;
    for (; !done; turns++) await setImmediate();
    const { findings, spent } = await slow;
    assert.deepEqual(findings, [{ unusable: 'its regex takes more than 100 ms of CPU time on the answer' }]);
    assert.ok(spent >= 100);
    assert.ok(turns > 100, String(turns));
    assert.deepEqual((await search('/hostile', 'a', '(a)')).findings, [{ found: 'a' }]);
  });

  it('alternates between containers', async () => {
    const order: string[] = [];
    const noting = (name: string, result: Promise<unknown>) => result.then(() => order.push(name));
    await Promise.all([
      ...[1, 2, 3].map((i) => noting(`hostile ${i}`, search('/hostile', LETTERS, `${SLOW}${i}`))),
      noting('other', search('/other', 'x', '(x)')),
    ]);
    assert.deepEqual(order, ['hostile 1', 'other', 'hostile 2', 'hostile 3']);
  });

  it('drops searches that were aborted', async () => {
    const gone = { container: '/a', text: 'x', regexes: ['(x)'], signal: AbortSignal.abort() };
    assert.deepEqual(await searcher.search(gone), { findings: [], spent: 0 });
  });
});

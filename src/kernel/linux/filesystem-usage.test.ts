import assert from 'node:assert/strict';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { it, type TestContext } from 'node:test';
import { UsageTable } from './filesystem-usage.js';

const PATHS = { root: '/', proc: '/proc', sys: '/sys', cgroup: '/sys/fs/cgroup' };

/** A table on a clock that stands, and how often it has asked. */
function tableOf(t: TestContext) {
  const query = t.mock.method(fs, 'statfs');
  syncBuiltinESMExports();
  t.after(() => {
    query.mock.restore();
    syncBuiltinESMExports();
  });
  const time = { now: 0 };
  return { time, table: new UsageTable(PATHS, () => time.now), queries: () => query.mock.callCount() };
}

it('the usage of a filesystem is asked for again after five seconds, or one for who waits', async (t) => {
  const { time, table, queries } = tableOf(t);
  assert.equal(table.usage('/'), undefined);
  const known = await table.current('/');
  assert.ok(known !== undefined && known.capacity > 0);
  time.now = 4_999;
  table.usage('/');
  assert.equal(queries(), 1);
  await table.current('/');
  assert.equal(queries(), 2);
  time.now = 9_999;
  table.usage('/');
  assert.equal(queries(), 3);
});

it('a refresh waits for usages no older than it is asked for', async (t) => {
  const { time, table, queries } = tableOf(t);
  await table.current('/');
  time.now = 300;
  assert.equal(await table.refresh(300), true);
  assert.equal(queries(), 2);
  assert.equal(await table.refresh(300), false);
  assert.equal(queries(), 2);
  assert.equal(await table.refresh(0), true);
  assert.equal(queries(), 3);
});

it('nobody waits for a filesystem that has not answered for two seconds', async (t) => {
  const { time, table } = tableOf(t);
  t.mock.method(fs, 'statfs', () => {});
  syncBuiltinESMExports();
  table.usage('/');
  time.now = 2_000;
  assert.equal(await table.current('/'), undefined);
  assert.equal(await table.refresh(0), true);
});

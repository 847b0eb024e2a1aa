import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { SILENT } from '../../../test/support/loggers.js';
import { OomWatcher } from './oom-watcher.js';

it('reads the kernel log each second while the kernel reports events of memory, and more often after one', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tallyman-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const kernelLog = join(folder, 'kmsg');
  writeFileSync(kernelLog, '');
  let now = 0;
  let report = (): void => {};
  let pending: { due: number; make: () => void } | undefined;
  const after = (ms: number, make: () => void) => {
    assert.equal(pending, undefined, 'one wait at a time');
    pending = { due: now + ms, make };
    return () => {
      pending = undefined;
    };
  };
  const waitUntilNext = (): number => {
    const { due, make } = pending!;
    const waited = due - now;
    now = due;
    pending = undefined;
    make();
    return waited;
  };
  const cgroups = { reportsMemoryEvents: true, onMemoryEvents: (listener: () => void) => (report = listener) };
  const clock = { now: () => now * 1000, monotonic: () => now };
  const parts = { timer: { after }, clock, logger: SILENT, uptime: () => 1, cgroups, onKill: () => {} };
  const watcher = new OomWatcher({ kernelLog, ...parts });
  assert.equal(watcher.start(), true);
  assert.deepEqual([waitUntilNext(), waitUntilNext()], [1000, 1000]);
  now += 400;
  for (let i = 0; i < 3; i++) report();
  const expected = now + 2000;
  assert.equal(waitUntilNext(), 50);
  while (pending!.due < expected) assert.equal(waitUntilNext(), 125);
  waitUntilNext();
  assert.equal(waitUntilNext(), 1000);
  cgroups.reportsMemoryEvents = false;
  waitUntilNext();
  assert.equal(waitUntilNext(), 125, 'there are no more watches');
  watcher.stop();
  report();
  assert.equal(pending, undefined);
});

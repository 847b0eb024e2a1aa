import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { MemoryGauge } from './memory-gauge.js';

describe('the memory gauge of an isolated plugin', () => {
  it('returns bytes whatever the page size', (t) => {
    const proc = mkdtempSync(join(tmpdir(), 'tallyman-gauge-'));
    t.after(() => rmSync(proc, { recursive: true }));
    mkdirSync(join(proc, '7'));
    // 500 pages of 64 KiB, 100 of them shared.
    writeFileSync(join(proc, '7/statm'), '1000 500 100 1 0 300 0\n');
    writeFileSync(
      join(proc, '7/status'),
      'Name:\tnode\nVmRSS:\t   32000 kB\nRssAnon:\t   25600 kB\nRssFile:\t 6400 kB\n',
    );
    const gauge = new MemoryGauge(7, proc);
    assert.equal(gauge.privateBytes(), 400 * 64 * 1024);
    gauge.close();
  });

  it('returns the private memory of this process', () => {
    const gauge = new MemoryGauge(process.pid);
    const before = gauge.privateBytes();
    const taken = Buffer.alloc(64 * 1024 * 1024, 1);
    assert.ok(gauge.privateBytes() - before > taken.length / 2);
    gauge.close();
  });
});

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { WalkerPool } from './walker-pool.js';

describe('WalkerPool', () => {
  it('does not assign tasks to a walker that is ending', async (t) => {
    const tree = mkdtempSync(join(tmpdir(), 'tallyman-test-pool-'));
    t.after(() => rmSync(tree, { recursive: true }));
    let idleIsOver = () => {};
    const timers = {
      every: () => () => {},
      after: (_milliseconds: number, callback: () => void | Promise<void>) => {
        idleIsOver = () => void callback();
        return () => {};
      },
    };
    const pool = new WalkerPool(1, timers);
    t.after(() => pool.close());
    for (let round = 0; round < 5; round++) {
      assert.ok((await pool.measure(tree, () => true))!.size.bytes >= 0);
      idleIsOver();
    }
  });
});

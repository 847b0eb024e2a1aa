import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { it } from 'node:test';
import { memoryUsage } from './process-memory.js';

it('the memory of the process is known but for the time in which it has no descriptors left', () => {
  assert.ok(memoryUsage()!.rss > 10 * 2 ** 20);
  const script = `
    import { openSync } from 'node:fs';
    import { memoryUsage } from '${new URL('./process-memory.js', import.meta.url).href}';
    try {
      for (;;) openSync('/dev/null', 'r');
    } catch (error) {
      console.log(error.code, memoryUsage());
    }`;
  const limited = ['-c', 'ulimit -n 100; exec "$@"', 'sh', process.execPath, '--input-type=module', '--eval', script];
  assert.equal(spawnSync('sh', limited, { encoding: 'utf8' }).stdout, 'EMFILE undefined\n');
});

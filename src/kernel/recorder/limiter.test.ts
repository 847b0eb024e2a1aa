import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CapsuleReason } from '../contracts/index.js';
import { Limiter } from './limiter.js';

const reason = (kind: CapsuleReason['kind']): CapsuleReason => ({ kind, time: 0, text: kind });
const kinds = (permit: ReturnType<Limiter['ask']>) => permit?.reasons.map(({ kind }) => kind);

describe('Limiter', () => {
  it('permits at most the capsules of a minute, however many containers end', () => {
    const limiter = new Limiter(() => 10);
    const permitted = Array.from({ length: 200 }, (_, i) => limiter.ask(`/c${i}`, reason('exit'), i)).filter(Boolean);
    assert.equal(permitted.length, 10);
    assert.equal(limiter.ask('/later', reason('exit'), 59_999), undefined);
    assert.deepEqual(kinds(limiter.ask('/later', reason('exit'), 60_001)), ['exit']);
  });

  it('writes a capsule anew when another reason of the same trouble follows', () => {
    const limiter = new Limiter(() => 1);
    assert.deepEqual(kinds(limiter.ask('/a', reason('oom'), 0)), ['oom']);
    limiter.named('/a', 'id-1');
    const second = limiter.ask('/a', reason('exit'), 500);
    assert.deepEqual([second?.replaces, kinds(second)], ['id-1', ['oom', 'exit']]);
    assert.equal(limiter.ask('/a', reason('exit'), 600), undefined);
  });

  it('reports a loop of bad ends once, and not each end', () => {
    const limiter = new Limiter(() => 100);
    const permits = [0, 20_000, 40_000, 50_000, 55_000].map((now) => kinds(limiter.ask('/a', reason('exit'), now)));
    assert.deepEqual(permits, [['exit'], undefined, ['exit', 'restart-loop'], undefined, undefined]);
  });

  it('gives a container that ended badly another capsule on request', () => {
    const limiter = new Limiter(() => 100);
    limiter.ask('/a', reason('exit'), 0);
    assert.deepEqual(kinds(limiter.ask('/a', reason('requested'), 20_000)), ['requested']);
  });
});

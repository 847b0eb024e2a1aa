import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { loggerTo } from '../../../test/support/loggers.js';
import { needs } from '../../../test/support/needs.js';
import { DiskQueue } from './disk-queue.js';
import type { QueuedBatch, StoredBody } from './queue.js';

describe('a queue on disk', () => {
  let directory: string;
  let lines: string[];
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tallyman-test-queue-'));
    lines = [];
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  async function opened(path = directory, maxBytes = 2 ** 20) {
    const restored: QueuedBatch[] = [];
    const disk = new DiskQueue(path, maxBytes, loggerTo(lines), (batches) => restored.push(...batches));
    await disk.open();
    return { disk, restored };
  }

  const add = (disk: DiskQueue, body: Uint8Array, i = 0): Promise<StoredBody | undefined> =>
    disk.add({ body, points: i + 1, oldest: i, newest: i, lane: 0 }, 'form');
  const files = () => readdirSync(directory).filter((name) => name.endsWith('.batches'));

  it('gives back what waits in order after a restart, without what was done', async () => {
    const { disk } = await opened();
    const stored: (StoredBody | undefined)[] = [];
    for (let i = 0; i < 5; i++) stored.push(await add(disk, Buffer.from(`body ${i}`), i));
    assert.equal(String(await stored[3]!.read()), 'body 3');
    stored[0]!.release();
    stored[2]!.release();
    await disk.close();
    const { disk: next, restored } = await opened();
    assert.deepEqual(
      restored.map(({ points, format, size }) => [points, format, size]),
      [2, 4, 5].map((points) => [points, 'form', 6]),
    );
    assert.deepEqual(await Promise.all(restored.map(async ({ stored: body }) => String(await body.read()))), [
      'body 1',
      'body 3',
      'body 4',
    ]);
    for (const batch of restored) batch.stored.release();
    await next.close();
    assert.deepEqual(readdirSync(directory), [], 'nothing is left of what was delivered');
  });

  it('has several files, which go as soon as all in them is done', async () => {
    const { disk } = await opened(directory, 1);
    const stored: StoredBody[] = [];
    for (let i = 0; i < 6; i++) stored.push((await add(disk, Buffer.alloc(40_000, i), i))!);
    assert.equal(files().length, 3);
    stored[0]!.release();
    stored[1]!.release();
    await disk.close();
    assert.equal(files().length, 2);
  });

  it('gives back only whole batches, as they were written, wherever its file was cut or changed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 900 }), { minLength: 1, maxLength: 6 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.option(fc.integer({ min: 1, max: 255 })),
        async (bodies, place, flip) => {
          const path = join(directory, 'one');
          const { disk } = await opened(path);
          for (const [i, body] of bodies.entries()) await add(disk, body, i);
          await disk.close();
          const file = join(path, readdirSync(path)[0]!);
          const content = readFileSync(file);
          const at = Math.min(Math.floor(place * content.length), content.length - 1);
          if (flip === null) truncateSync(file, at);
          else {
            content[at]! ^= flip;
            writeFileSync(file, content);
          }
          const { disk: next, restored } = await opened(path);
          for (const batch of restored) {
            const body = await batch.stored.read().catch((error: Error) => assert.match(error.message, /is damaged/));
            if (body !== undefined) assert.deepEqual(Buffer.from(body), Buffer.from(bodies[batch.oldest]!));
          }
          await next.close();
          rmSync(path, { recursive: true });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('reads a body that was just written from memory once, and up to 1 MiB of them', async () => {
    const { disk } = await opened(directory, 2 ** 30);
    const [first, second, third] = [
      await add(disk, Buffer.alloc(600_000, 1)),
      await add(disk, Buffer.alloc(600_000, 2)),
      await add(disk, Buffer.from('three')),
    ];
    const [name = ''] = files();
    writeFileSync(join(directory, name), Buffer.alloc(1_300_000));
    assert.deepEqual(await first!.read(), Buffer.alloc(600_000, 1));
    await assert.rejects(first!.read(), /is damaged/);
    await assert.rejects(second!.read(), /is damaged/);
    third!.release();
    await assert.rejects(third!.read(), /is damaged/, 'nothing of it is kept');
    const more = await add(disk, Buffer.alloc(1_000_000, 4));
    assert.deepEqual(await more!.read(), Buffer.alloc(1_000_000, 4));
    await disk.close();
  });

  it('says what a crash cut off', async () => {
    const { disk } = await opened();
    await add(disk, Buffer.from('whole'));
    await add(disk, Buffer.from('torn'));
    await disk.close();
    const [name = ''] = files();
    truncateSync(join(directory, name), readFileSync(join(directory, name)).length - 1);
    const { disk: next, restored } = await opened();
    assert.equal(restored.length, 1);
    assert.match(
      lines[0]!,
      /the last \d+ bytes are not a complete batch \(a crash or a loss of power\) and are cut off/,
    );
    await next.close();
  });

  it('reports once that it cannot be written, and again when it can', async () => {
    const path = join(directory, 'queue');
    writeFileSync(path, 'a file in its place');
    const { disk } = await opened(path);
    assert.equal(await add(disk, Buffer.from('a')), undefined);
    assert.equal(await add(disk, Buffer.from('a')), undefined);
    assert.match(disk.error ?? '', /EEXIST|ENOTDIR/);
    rmSync(path);
    assert.notEqual(await add(disk, Buffer.from('a')), undefined);
    assert.equal(disk.error, undefined);
    assert.deepEqual(
      lines.map((line) => line.split(' ').slice(0, 3).join(' ')),
      ['cannot keep batches', 'batches are kept'],
    );
    await disk.close();
  });

  it('goes on when the disk is full and has room again', { skip: needs('mounts') }, async () => {
    const path = join(directory, 'small');
    mkdirSync(path);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', path]);
    try {
      const { disk } = await opened(path);
      const stored: (StoredBody | undefined)[] = [];
      while (stored.at(-1) !== undefined || stored.length === 0) stored.push(await add(disk, Buffer.alloc(30_000, 1)));
      assert.equal(disk.error, 'no space is left on the device');
      assert.ok(stored.length > 2);
      for (const body of stored.slice(0, -1)) assert.deepEqual(await body!.read(), Buffer.alloc(30_000, 1));
      for (const body of stored) body?.release();
      while ((await add(disk, Buffer.alloc(30_000, 2))) === undefined) await new Promise((done) => setTimeout(done, 5));
      await disk.close();
      const { disk: next, restored } = await opened(path);
      assert.deepEqual(await restored.at(-1)!.stored.read(), Buffer.alloc(30_000, 2));
      await next.close();
    } finally {
      execFileSync('umount', [path]);
    }
  });

  it('keeps a state beside the batches', async () => {
    const { disk } = await opened();
    assert.equal(await disk.savedState(), undefined);
    await disk.saveState('one');
    await disk.saveState('two');
    await disk.close();
    const { disk: next, restored } = await opened();
    assert.equal(await next.savedState(), 'two');
    assert.deepEqual(restored, []);
    await next.close();
  });

  it('belongs to one sink alone', async () => {
    const { disk } = await opened();
    const { disk: second } = await opened();
    assert.match(second.error!, /in use by another sink of this agent/);
    await disk.close();
    await second.close();
    writeFileSync(join(directory, 'lock'), `${process.pid} 1\n`);
    const { disk: third } = await opened();
    assert.equal(third.error, undefined, 'the lock of a process that has ended does not count');
    await third.close();
    assert.ok(!existsSync(join(directory, 'lock')));
  });
});

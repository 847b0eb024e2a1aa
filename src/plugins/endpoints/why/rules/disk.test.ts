import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judged, measured } from '../../../../../test/support/rule-bench.js';
import { diskFilling, diskSaturated, ioWaiting } from './disk.js';

const GIB = 2 ** 30;
const busyDisk = (share: number) => measured('/', { 'filesystem.io_time{/dev/sda}': [0, 60_000 * share] });
const writer = (name: string, bytes: number, more: Record<string, readonly [number, number]> = {}) =>
  measured(
    `/docker/${name}`,
    {
      'diskio.io_service_bytes{8,0,/dev/sda,Read}': [0, 0],
      'diskio.io_service_bytes{8,0,/dev/sda,Write}': [0, bytes],
      ...more,
    },
    { namespace: 'docker', aliases: [name] },
  );

describe('io-waiting', () => {
  it('finds a container whose tasks wait for I/O, and names the device and who moved the most', () => {
    const waiting = writer('web', 2 ** 20, { 'pressure.io.some.total': [0, 30e6] });
    const { evidence, harm } = judged(ioWaiting, [waiting, busyDisk(1), writer('hog', 60 * 2 ** 30)])!;
    assert.equal(harm, 52.5);
    assert.deepEqual(
      evidence.map(({ text }) => text),
      [
        'a task waited for I/O for 30 of 60 s (50 %)',
        '/dev/sda was busy for 100 % of the time',
        'hog moved 1 GiB a second',
      ],
    );
  });

  it('judges by a saturated device where there is no PSI', () => {
    assert.match(judged(ioWaiting, [writer('web', 2 ** 30), busyDisk(0.95)])!.evidence[0]!.text, /busy for 95 %/);
    assert.equal(judged(ioWaiting, [writer('web', 2 ** 30), busyDisk(0.5)]), undefined);
    assert.equal(judged(ioWaiting, [writer('web', 2 ** 20), busyDisk(0.95)]), undefined);
  });

  it('does not find one that hardly waits, whatever the device does', () => {
    const calm = writer('web', 2 ** 30, { 'pressure.io.some.total': [0, 1e6] });
    assert.equal(judged(ioWaiting, [calm, busyDisk(1)]), undefined);
  });
});

describe('disk-saturated', () => {
  it('finds a device that is busy all the time, and not one with pauses', () => {
    assert.match(judged(diskSaturated, [busyDisk(0.99), writer('hog', 2 ** 30)])!.evidence[1]!.text, /^hog moved 17/);
    assert.equal(judged(diskSaturated, [busyDisk(0.8)]), undefined);
  });
});

describe('disk-filling', () => {
  const host = (available: readonly [number, number], inodesFree: readonly [number, number] = [900, 900]) =>
    measured('/', {
      'filesystem.usage{/dev/sda}': [100 * GIB - available[0], 100 * GIB - available[1]],
      'filesystem.available{/dev/sda}': available,
      'filesystem.inodes{/dev/sda}': 1000,
      'filesystem.inodes_free{/dev/sda}': inodesFree,
    });
  const growing = host([21 * GIB, 20 * GIB]);

  it('says when a filesystem will be full', () => {
    const finding = judged(diskFilling, [growing])!;
    assert.equal(
      finding.evidence[0]!.text,
      '/dev/sda: 80 % of its space in use, 20 GiB left, full in 20 min at this rate',
    );
    assert.equal(finding.evidence[0]!.values.seconds_until_full, 1200);
  });

  it('finds one that is nearly full or out of inodes, and not one with room', () => {
    assert.match(
      judged(diskFilling, [host([3 * GIB, 3 * GIB])])!.evidence[0]!.text,
      /97 % of its space in use, 3 GiB left$/,
    );
    assert.match(judged(diskFilling, [host([50 * GIB, 50 * GIB], [20, 20])])!.evidence[0]!.text, /20 inodes left/);
    assert.equal(judged(diskFilling, [host([50 * GIB, 50 * GIB])]), undefined);
    assert.equal(judged(diskFilling, [host([50.1 * GIB, 50 * GIB])]), undefined);
  });

  it('finds the container that writes the growth, by its layer or the device, and not its neighbour', () => {
    const layer = measured('/docker/a', { 'filesystem.usage{/dev/sda}': [GIB, 2 * GIB] });
    assert.match(judged(diskFilling, [layer, growing])!.evidence[0]!.text, /its layer grew by 17.1 MiB a second/);
    assert.match(judged(diskFilling, [writer('b', GIB), growing])!.evidence[0]!.text, /it wrote 17.1 MiB a second/);
    assert.equal(judged(diskFilling, [writer('c', 2 ** 20), growing]), undefined);
    const large = measured('/docker/d', { 'filesystem.usage{/dev/sda}': 40 * GIB });
    assert.match(judged(diskFilling, [large, host([3 * GIB, 3 * GIB])])!.evidence[0]!.text, /take up 40 GiB/);
  });
});

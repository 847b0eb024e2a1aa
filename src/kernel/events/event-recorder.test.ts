import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ContainerDescription, EVENT_TYPES } from '../contracts/index.js';
import { EventRecorder, EventStore } from './index.js';

const logger = { debug() {}, info() {}, warn() {}, error() {} };

function fixture(departed: (name: string) => ContainerDescription | undefined = () => undefined) {
  const store = new EventStore(() => ({ age: -1, count: -1 }));
  const clock = { now: () => 5_000_000, monotonic: () => 0 };
  const recorder = new EventRecorder({ store, clock, logger, kernelLog: '/nonexistent', uptime: () => 1, departed });
  const all = () => store.query({ containerName: '/', below: true, types: new Set(EVENT_TYPES), max: -1 });
  return { recorder, all };
}

test('a creation has the container’s own time, or now when that is unknown', () => {
  const { recorder, all } = fixture();
  recorder.created('/a', 3_000_000);
  recorder.created('/b', 0);
  assert.deepEqual(
    all().map(({ time }) => time),
    [3_000_000, 5_000_000],
  );
});

test('a deletion carries the exit code once the runtime tells it, and −1 when it never does', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let ended: ContainerDescription | undefined;
  const { recorder, all } = fixture((name) => (name === '/a' ? ended : undefined));
  recorder.deleted('/a', true);
  recorder.deleted('/b', true);
  recorder.deleted('/c', false);
  t.mock.timers.tick(1);
  assert.deepEqual(
    all().map(({ containerName }) => containerName),
    ['/c'],
  );
  ended = { state: { status: 'exited', exitCode: 3 } } as ContainerDescription;
  for (let i = 0; i < 50; i++) t.mock.timers.tick(100);
  const codes = Object.fromEntries(all().map(({ containerName, exitCode }) => [containerName, exitCode]));
  assert.deepEqual(codes, { '/a': 3, '/b': -1, '/c': -1 });
});

test('counters give OOM events only while the kernel log cannot be read', () => {
  const { recorder, all } = fixture();
  recorder.start();
  recorder.counted('/a', 2);
  assert.equal(all().length, 2);
  recorder.stop();
});

// Live event streams, against the recorded one and under clients that misbehave.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { it } from 'node:test';
import type { ContainerEvent } from '../../src/kernel/contracts/index.js';
import { fakeAgent } from './world/fake-agent.js';
import { goldenText } from './world/golden.js';
import { keptEvents, recordedEvents } from './world/recorded-events.js';
import { serveAgent } from './world/served.js';

const recorded = goldenText('events-stream-all-root.ndjson');
const everything = 'stream=true&all_events=true&subcontainers=true';

async function* linesOf(response: Response): AsyncGenerator<string> {
  let rest = '';
  for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    yield* lines;
  }
  assert.equal(rest, '', 'a stream ends with a whole line');
}

async function take(lines: AsyncGenerator<string>, count: number): Promise<string[]> {
  const taken: string[] = [];
  while (taken.length < count) {
    const { value, done } = await lines.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}

it('recorded events-stream-all-root.ndjson', async () => {
  const events = keptEvents();
  const { url, server } = await serveAgent(fakeAgent({ events }));
  try {
    for (const version of ['v1.3', 'v2.0', 'v2.1']) {
      const response = await fetch(`${url}/api/${version}/events?${everything}`);
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('content-type'), null);
      const lines = linesOf(response);
      const expected = recorded.trim().split('\n');
      for (const event of recordedEvents([recorded])) events.add(event);
      assert.deepEqual(await take(lines, expected.length), expected);
      await lines.return(undefined);
    }
  } finally {
    await server.stop(0);
  }
});

it('a stream contains matching new events only', async () => {
  const event = (containerName: string, pid = 0): ContainerEvent => ({
    containerName,
    time: 1e15,
    type: 'oomKill',
    oom: { pid, processName: '<x>', constraint: 'CONSTRAINT_MEMCG' },
  });
  const events = keptEvents([event('/a')]);
  const { url, server } = await serveAgent(fakeAgent({ events }));
  const lines = linesOf(await fetch(`${url}/api/v1.3/events/a?stream=1&oom_kill_events=T&max_events=-7`));
  events.add(event('/b'));
  events.add({ containerName: '/a', time: 1e15, type: 'containerDeletion', exitCode: 137 });
  events.add(event('/a/b'));
  events.add(event('/a', 7));
  const [line] = await take(lines, 1);
  assert.equal(
    line,
    '{"container_name":"/a","timestamp":"2001-09-09T01:46:40Z","event_type":"oomKill",' +
      '"event_data":{"oom":{"pid":7,"process_name":"\\u003cx\\u003e","constraint":"CONSTRAINT_MEMCG"}}}',
  );
  await server.stop(5_000);
  assert.deepEqual(await take(lines, 1), []);
});

it('a stream of past events is rejected', async () => {
  const { url, server } = await serveAgent(fakeAgent({}));
  const response = await fetch(`${url}/api/v2.1/events?stream=true&start_time=2026-11-24T11:06:23Z`);
  assert.equal(response.status, 400);
  assert.equal(
    await response.text(),
    'for a call to watch, request.StartTime and request.EndTime must be uninitialized\n',
  );
  assert.equal((await fetch(`${url}/api/v2.1/events?start_time=x&all_events=t&type=rkt`)).status, 400);
  await server.stop(0);
});

it('a client that does not read is disconnected, logged once, without affecting others', async () => {
  const warnings: string[] = [];
  const quiet = () => {};
  const logger = { debug: quiet, info: quiet, warn: (message: string) => void warnings.push(message), error: quiet };
  const events = keptEvents();
  const { url, server } = await serveAgent(fakeAgent({ events }), { logger });
  const { hostname, port } = new URL(url);
  const path = `/api/v1.3/events?${everything}`;
  const deaf = Array.from({ length: 3 }, () => connect(Number(port), hostname).on('error', quiet).pause());
  for (const socket of deaf) socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  const lines = linesOf(await fetch(url + path));
  const longName = `/${'x'.repeat(4000)}`;
  // More than what the sockets' buffers and the queues of the deaf clients hold.
  for (let i = 0; i < 12_000; i += 50) {
    for (let k = i; k < i + 50; k++) events.add({ containerName: longName, time: k + 1, type: 'oom' });
    assert.equal((await take(lines, 50)).length, 50);
  }
  assert.deepEqual(warnings, ['event streams end because their clients do not read: 1000 events were waiting']);
  for (const socket of deaf) socket.destroy();
  await server.stop(5_000);
  assert.deepEqual(await take(lines, 1), []);
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { OpenHandles } from './open-handles.js';

async function reported(handles: OpenHandles): Promise<string[]> {
  const lines: string[] = [];
  await handles.report((text) => lines.push(text));
  return lines;
}

const idle = () => setInterval(() => {}, 60_000);

describe('handles that plugins leave open', () => {
  it('are reported once by plugin, including those opened in later turns', async (t) => {
    const handles = new OpenHandles();
    const timers: NodeJS.Timeout[] = [];
    t.after(() => timers.forEach(clearInterval));
    await handles.during('a', async () => {
      timers.push(idle());
      await Promise.resolve();
      timers.push(idle());
    });
    const server = handles.during('b', () => createServer().listen(0, '127.0.0.1'));
    t.after(() => server.close());
    await once(server, 'listening');
    assert.deepEqual(await reported(handles), [
      'plugin a left open: 2 timers; the process ends without waiting for it',
      'plugin b left open: 1 TCP server; the process ends without waiting for it',
    ]);
    assert.deepEqual(await reported(handles), []);
  });

  it('do not include closed, ended and unreferenced handles', async () => {
    const handles = new OpenHandles();
    await handles.during('a', async () => {
      clearInterval(idle());
      idle().unref();
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      server.close();
      await new Promise((resolve) => setTimeout(resolve, 1));
    });
    assert.deepEqual(await reported(handles), []);
  });

  it('are attributed to the plugin whose call is running', async (t) => {
    const handles = new OpenHandles();
    handles.during('loaded', () => {});
    let current: string | undefined = 'called';
    handles.attribute(() => current);
    const timer = idle();
    current = undefined;
    const nobodys = idle();
    t.after(() => [timer, nobodys].forEach(clearInterval));
    assert.deepEqual(await reported(handles), [
      'plugin called left open: 1 timer; the process ends without waiting for it',
    ]);
  });
});

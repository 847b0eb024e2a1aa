import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { it } from 'node:test';
import fc from 'fast-check';
import { findListener, parseListeners } from './destination.js';

const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const line = (address: string, port: number, state: string, inode: number): string =>
  `   0: ${address}:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0000000000000000 100 0 0 10 0\n`;

it('parseListeners finds listening sockets on the port with their address', () => {
  const table =
    HEAD +
    line('0100007F', 8080, '0A', 1) +
    line('00000000', 8080, '0A', 2) +
    line('0200A8C0', 8080, '0A', 3) +
    line('0100007F', 8080, '01', 4) +
    line('0100007F', 8081, '0A', 5) +
    line('00000000000000000000000001000000', 8080, '0A', 6) +
    line('00000000000000000000000000000000', 8080, '0A', 7);
  assert.deepEqual(parseListeners(table, 8080), [
    ['1', '127.0.0.1'],
    ['2', '127.0.0.1'],
    ['3', '192.168.0.2'],
    ['6', '0:0:0:0:0:0:0:1'],
    ['7', '127.0.0.1'],
  ]);
});

it('parseListeners ignores malformed tables', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(65535), (table, port) => void parseListeners(table, port)),
  );
});

it('findListener finds a port of this process, and no other', async () => {
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  assert.equal(await findListener('/proc', [process.pid], port), '127.0.0.1');
  // The first process of the host listens on nothing of ours.
  assert.equal(await findListener('/proc', [1], port), undefined);
  await new Promise((resolve) => server.close(resolve));
  assert.equal(await findListener('/proc', [process.pid], port), undefined);
});

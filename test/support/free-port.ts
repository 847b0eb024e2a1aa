import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that the kernel hands out, one of which another test may get before this one is listened on. */
const [FIRST, LAST] = [10_000, 32_000];

/** A port of loopback that nobody listens on just now. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'EADDRINUSE') return false;
        throw error;
      },
    );
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

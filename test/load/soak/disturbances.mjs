// What happens to the agent in the soak. Each ends what it began, and says for how long the agent could not sample.
import { copyFileSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { pause } from '../measure.mjs';

const MODES = ['throw', 'reject', 'columns', 'slow'];
const SLOW_CLIENTS = 20;

/**
 * By name: `weight` is how often it is chosen relative to the others, `run` does it.
 * @param soak the running soak: `agent`, `random`, `engine`, `folder`, `stateFolder`, `configure`, `url`, `note`
 */
export const DISTURBANCES = {
  reload: {
    weight: 3,
    async run(soak) {
      soak.configure();
      soak.agent.kill('SIGHUP');
      await pause(2000);
    },
  },
  'failing plugin': {
    weight: 3,
    async run(soak) {
      const file = join(soak.folder, 'mode');
      writeFileSync(file, soak.random.of(MODES));
      await pause(soak.random.between(2000, 10_000));
      writeFileSync(file, 'ok');
    },
  },
  'engine restart': {
    weight: 3,
    async run({ engine, random }) {
      await engine.shut();
      await pause(random.between(200, 5000));
      await engine.listen();
      engine.requests.length = 0;
    },
  },
  'slow clients': {
    weight: 3,
    async run({ url, random }) {
      const { port } = new URL(url);
      const paths = [
        '/metrics',
        '/api/v1.3/subcontainers/',
        '/api/v2.0/events?stream=true',
        '/api/v2.0/stats?recursive=true',
      ];
      const clients = Array.from({ length: SLOW_CLIENTS }, () => {
        const socket = connect(Number(port), '127.0.0.1');
        socket.on('error', () => {});
        socket.pause();
        socket.write(`GET ${random.of(paths)} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
        return socket;
      });
      await pause(random.between(2000, 15_000));
      for (const client of clients) client.destroy();
    },
  },
  'clock step': {
    weight: 2,
    async run({ agent, random, note }) {
      const ms = random.of([-3_600_000, -5000, -300, 300, 5000, 3_600_000]);
      agent.send({ order: 'step', ms });
      await note.clockStep(ms);
    },
  },
  'log rotation': {
    weight: 2,
    async run({ logFile }) {
      try {
        copyFileSync(logFile, `${logFile}.1`);
      } catch {} // the disk is full
      truncateSync(logFile);
    },
  },
  'full disk': {
    weight: 2,
    async run({ stateFolder, random }) {
      const file = join(stateFolder, 'fill');
      try {
        for (let size = 2 ** 20; size >= 2 ** 10; size /= 2) {
          for (;;) {
            try {
              writeFileSync(file, Buffer.alloc(size), { flag: 'a' });
            } catch {
              break;
            }
          }
        }
        await pause(random.between(2000, 8000));
      } finally {
        unlinkSync(file);
      }
    },
  },
  stop: {
    weight: 2,
    async run({ agent, random, note, longestStopMs }) {
      const from = performance.now();
      agent.kill('SIGSTOP');
      await pause(random.between(1000, longestStopMs));
      agent.kill('SIGCONT');
      note.stopped(from, performance.now());
      await pause(3000);
    },
  },
  burst: {
    weight: 2,
    async run({ containers, random }) {
      const names = Array.from({ length: 200 }, () => containers.add('burst'));
      await pause(random.between(0, 4000));
      for (const name of names) containers.remove(name);
    },
  },
};

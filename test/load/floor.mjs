// The floor under any agent in Node: reads the same files once a second by kept descriptors into one buffer, and does
// nothing else. Takes the paths as its first message, answers with how many it could open, runs until it is stopped.
import { openSync, readSync } from 'node:fs';

const buffer = Buffer.allocUnsafe(64 * 1024);
let descriptors = [];

process.once('disconnect', () => process.exit());
process.once('message', ({ paths }) => {
  descriptors = paths.map(openIfThere).filter((descriptor) => descriptor !== undefined);
  setInterval(readAll, 1000);
  process.send(descriptors.length);
});

/** Other cgroups of the host come and go, unlike the bench's own. */
function openIfThere(path) {
  try {
    return openSync(path, 'r');
  } catch {
    return undefined;
  }
}

function readAll() {
  for (let i = 0; i < descriptors.length; i++) {
    try {
      readSync(descriptors[i], buffer, 0, buffer.length, 0);
    } catch {
      descriptors.splice(i--, 1);
    }
  }
}

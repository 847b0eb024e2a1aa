// The floor under any agent in Node: reads the same files once a second into one buffer, and does nothing else. Keeps as many
// open as the process may have, and opens the others for each read, as any agent must. Takes the paths as its first message,
// answers with how many it keeps open, runs until it is stopped.
import { closeSync, openSync, readSync } from 'node:fs';

const buffer = Buffer.allocUnsafe(64 * 1024);
const kept = [];
let reopened = [];

process.once('disconnect', () => process.exit());
process.once('message', ({ paths }) => {
  // The last descriptor is left for the files that are opened for each read.
  const spare = openSync('/dev/null', 'r');
  let next = 0;
  while (next < paths.length && keep(paths[next])) next++;
  reopened = paths.slice(next);
  closeSync(spare);
  setInterval(readAll, 1000);
  process.send(kept.length);
});

/** @returns false when the process may not have more open; other cgroups of the host come and go, unlike the bench's own */
function keep(path) {
  try {
    kept.push(openSync(path, 'r'));
  } catch (error) {
    return error.code !== 'EMFILE';
  }
  return true;
}

function readAll() {
  for (let i = 0; i < kept.length; i++) {
    try {
      readSync(kept[i], buffer, 0, buffer.length, 0);
    } catch {
      kept.splice(i--, 1);
    }
  }
  for (const path of reopened) {
    const descriptor = openSync(path, 'r');
    readSync(descriptor, buffer, 0, buffer.length, 0);
    closeSync(descriptor);
  }
}

// A user of the virtual machine who runs Podman without being root.
import { execFileSync, spawnSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { startPodmanOfUser } from './documented.mjs';

/** The user that the drop-in lets in, and another one. */
const ASKERS = ['tallyman', 'nobody'];

export const ROOTLESS_SOCKET = '/run/user/1000/podman/podman.sock';

/** Opens the socket of a user's Podman as the documentation says, which knows where packages put the agent. */
export async function startRootlessPodman() {
  symlinkSync(process.cwd(), '/usr/lib/tallyman');
  execFileSync('useradd', ['--system', 'tallyman']);
  await startPodmanOfUser();
}

/** Those of two other users who may ask this Podman. */
export const usersLetIn = () =>
  ASKERS.filter((asker) => {
    const question = ['curl', '-sf', '--unix-socket', ROOTLESS_SOCKET, 'http://podman/_ping'];
    return spawnSync('runuser', ['-u', asker, '--', ...question]).status === 0;
  });

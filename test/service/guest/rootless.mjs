// A user of the virtual machine who runs Podman without being root.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { until } from './numbers.mjs';

const USER = 'alice';
const ID = 1000;
/** Whom the drop-in lets in, and somebody else. */
const ASKERS = ['tallyman', 'nobody'];

export const ROOTLESS_SOCKET = `/run/user/${ID}/podman/podman.sock`;

/**
 * Makes the user, whose services run without a login from now on, and opens the socket of Podman as the user does, with
 * the drop-in that lets the agent's service in.
 */
export async function startRootlessPodman() {
  execFileSync('useradd', ['--create-home', `--uid=${ID}`, USER]); // and a range of subordinate ids
  execFileSync('useradd', ['--system', 'tallyman']);
  const dropIns = `/home/${USER}/.config/systemd/user/podman.socket.d`;
  execFileSync('install', ['-D', '-m', '644', '-t', dropIns, 'config/systemd/user/podman.socket.d/tallyman.conf']);
  execFileSync('loginctl', ['enable-linger', USER]);
  await until(`the services of ${USER}`, () => existsSync(`/run/user/${ID}/bus`));
  const asUser = ['-u', USER, '--', 'env', `XDG_RUNTIME_DIR=/run/user/${ID}`];
  execFileSync('runuser', [...asUser, 'systemctl', '--user', 'start', 'podman.socket'], { stdio: 'inherit' });
}

/** Those of two other users who may ask this Podman. */
export const usersLetIn = () =>
  ASKERS.filter((asker) => {
    const question = ['curl', '-sf', '--unix-socket', ROOTLESS_SOCKET, 'http://podman/_ping'];
    return spawnSync('runuser', ['-u', asker, '--', ...question]).status === 0;
  });

import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Busybox applets the image has. */
const APPLETS = ['sh', 'sleep', 'cat', 'echo', 'dd', 'true', 'false', 'kill', 'nc', 'ip', 'mkdir', 'touch', 'ln', 'rm'];

export const BUSYBOX = '/usr/bin/busybox';

/** Packs the machine's static busybox as the root filesystem of an image. @returns the tar file, in `directory` */
export async function packBusybox(directory: string): Promise<string> {
  const bin = join(directory, 'image/bin');
  mkdirSync(bin, { recursive: true });
  copyFileSync(BUSYBOX, join(bin, 'busybox'));
  for (const applet of APPLETS) symlinkSync('busybox', join(bin, applet));
  const tar = join(directory, 'image.tar');
  await run('tar', ['-C', join(directory, 'image'), '-cf', tar, '.']);
  return tar;
}

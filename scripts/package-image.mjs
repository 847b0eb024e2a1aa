// Lays out the folder that the container image is built from: `npm run package:image -- [--output FOLDER]`, then
// `docker build FOLDER`. Takes Node and its libraries from this host, so that no other image is needed.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from './packages.mjs';

const { values } = parseArgs({ options: { output: { type: 'string', default: join(root, 'out/image') } } });
const rootfs = join(values.output, 'rootfs');
rmSync(values.output, { recursive: true, force: true });

function put(path, content) {
  mkdirSync(dirname(join(rootfs, path)), { recursive: true });
  writeFileSync(join(rootfs, path), content);
}

function copy(from, path = from) {
  mkdirSync(dirname(join(rootfs, path)), { recursive: true });
  cpSync(from, join(rootfs, path), { dereference: true });
}

/** Paths of the libraries, the program loader among them. */
function libraries() {
  const text = execFileSync('ldd', [process.execPath], { encoding: 'utf8' });
  return text.split('\n').flatMap((line) => /(?:=> |^\s+)(\/\S+) \(0x/.exec(line)?.[1] ?? []);
}

execFileSync(process.execPath, [join(root, 'scripts/production-tree.mjs'), join(rootfs, 'usr/lib/tallyman')]);
copy(process.execPath, 'usr/lib/tallyman/node');
for (const library of libraries()) copy(library);
put('etc/passwd', 'root:x:0:0:root:/:/sbin/nologin\n');
put('etc/group', 'root:x:0:\n');
put('etc/nsswitch.conf', 'hosts: files dns\n');
copy(join(root, 'config/packaging/image.yaml'), 'etc/tallyman/tallyman.yaml');
mkdirSync(join(rootfs, 'tmp'), { mode: 0o1777 });
cpSync(join(root, 'config/packaging/Containerfile'), join(values.output, 'Dockerfile'));
console.log(values.output);

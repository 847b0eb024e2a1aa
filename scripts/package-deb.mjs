// Builds the Debian package: `npm run package:deb -- [--node bundled|system] [--licence FILE] [--output FOLDER]
// [--quick | --level 0…9]`. Bundled (the default) brings the Node that runs this script, for hosts whose distribution has none or an old
// one, and its licence; system depends on Debian's. Quick packs larger and in a fraction of the time, and is unpacked so, too: for trying a package out.
// The level is that of xz, 6 by default: a lower one is faster and packs larger.
// The same sources give the same bytes: times come from SOURCE_DATE_EPOCH, else from the last commit.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { GRANTS } from '../dist/cli/service/grants.js';
import { serviceConfig } from '../dist/cli/service/layout.js';
import { root } from './packages.mjs';

const HOME = 'usr/lib/tallyman';
/** What the official builds of Node link against. */
const NODE_NEEDS = 'libc6 (>= 2.28), libgcc-s1 (>= 3.4), libstdc++6 (>= 8)';
const ARCHITECTURES = { x64: 'amd64', arm64: 'arm64', ppc64: 'ppc64el', s390x: 's390x', riscv64: 'riscv64' };
const { version, engines } = JSON.parse(fs.readFileSync(join(root, 'package.json'), 'utf8'));

const { values: options } = parseArgs({
  options: {
    node: { type: 'string', default: 'bundled' },
    licence: { type: 'string' },
    output: { type: 'string', default: join(root, 'out') },
    quick: { type: 'boolean', default: false },
    level: { type: 'string', default: '6' },
  },
});
const isBundled = options.node === 'bundled';
const architecture = isBundled ? ARCHITECTURES[process.arch] : 'all';
const epoch = sourceDate();
const work = fs.mkdtempSync(join(tmpdir(), 'tallyman-deb-'));
// A signal ends the script by its exit, which removes the files.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));
process.once('exit', () => fs.rmSync(work, { recursive: true, force: true }));
try {
  if (!['bundled', 'system'].includes(options.node))
    throw new Error(`--node is bundled or system, not ${options.node}`);
  if (!/^\d$/.test(options.level)) throw new Error(`--level is a digit, not ${options.level}`);
  const tree = join(work, 'tree');
  layOutFiles(tree, isBundled ? fs.readFileSync(licenceOfNode()) : undefined);
  layOutControl(tree);
  normalise(tree);
  console.log(pack(tree));
} catch (error) {
  console.error(`package-deb: ${error.message}`);
  process.exitCode = 1;
}

function sourceDate() {
  const { SOURCE_DATE_EPOCH } = process.env;
  if (SOURCE_DATE_EPOCH !== undefined) return Number(SOURCE_DATE_EPOCH);
  return Number(execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' }));
}

/** @param licence of the Node that comes along */
function layOutFiles(tree, licence) {
  const put = (path, content, mode = 0o644) => {
    fs.mkdirSync(dirname(join(tree, path)), { recursive: true });
    fs.writeFileSync(join(tree, path), content, { mode });
  };
  const config = (path) => fs.readFileSync(join(root, 'config', path));
  const node = isBundled ? `/${HOME}/node` : '/usr/bin/node';
  execFileSync(process.execPath, [join(root, 'scripts/production-tree.mjs'), join(tree, HOME)]);
  fs.rmSync(join(tree, HOME, 'config/packaging'), { recursive: true });
  // It is of use to the Node that made it only.
  if (!isBundled) fs.rmSync(join(tree, HOME, 'dist/bundle/agent.cache'));
  put('usr/bin/tallyman', `#!/bin/sh\nexec ${node} /${HOME}/dist/cli/main.js "$@"\n`, 0o755);
  put('etc/tallyman/tallyman.yaml', serviceConfig());
  put('usr/lib/sysusers.d/tallyman.conf', config('systemd/tallyman.sysusers'));
  for (const unit of ['tallyman.service', 'tallyman.socket']) {
    put(`usr/lib/systemd/system/${unit}`, config(`systemd/${unit}`));
  }
  put('usr/share/bash-completion/completions/tallyman', tallyman('completion', 'bash'));
  put('usr/share/zsh/vendor-completions/_tallyman', tallyman('completion', 'zsh'));
  put('usr/share/fish/vendor_completions.d/tallyman.fish', tallyman('completion', 'fish'));
  put('usr/share/man/man1/tallyman.1.gz', gzipSync(tallyman('man'), { level: 9 }));
  put('usr/share/doc/tallyman/copyright', config('packaging/deb/copyright'));
  put('usr/share/doc/tallyman/changelog.gz', gzipSync(fs.readFileSync(join(root, 'CHANGELOG.md')), { level: 9 }));
  if (licence === undefined) return;
  put(`${HOME}/node`, fs.readFileSync(process.execPath), 0o755);
  put('usr/share/doc/tallyman/LICENSE.node', licence);
}

function tallyman(...args) {
  return execFileSync(process.execPath, [join(root, 'dist/cli/main.js'), ...args]);
}

/** A copy of Node has to come with its licence. It is beside the binary, or where a distribution keeps licences. */
function licenceOfNode() {
  if (options.licence !== undefined) return options.licence;
  const prefix = join(dirname(fs.realpathSync(process.execPath)), '..');
  const named = ['share/doc', 'share/licenses'].flatMap((folder) =>
    namesIn(join(prefix, folder))
      .filter((name) => /^node/.test(name))
      .map((name) => join(prefix, folder, name)),
  );
  const places = [prefix, ...named];
  const found = places.flatMap((place) => [join(place, 'LICENSE'), join(place, 'copyright')]).find(fs.existsSync);
  if (found !== undefined) return found;
  throw new Error(
    `there is no LICENSE of ${process.execPath} in ${places.join(', ')}: name the file with --licence ` +
      `(https://github.com/nodejs/node/blob/${process.version}/LICENSE), or build with --node system`,
  );
}

function namesIn(folder) {
  return fs.existsSync(folder) ? fs.readdirSync(folder) : [];
}

function layOutControl(tree) {
  const files = filesBelow(tree);
  const bytes = files.reduce((sum, file) => sum + Math.ceil(fs.statSync(file).size / 1024), 0);
  const values = {
    VERSION: version.replace('-', '~'),
    ARCHITECTURE: architecture,
    SIZE: bytes,
    DEPENDS: isBundled ? NODE_NEEDS : `nodejs (${engines.node.replace('>=', '>= ')})`,
    GRANTS: GRANTS.map(({ file }) => file).join(' '),
  };
  const source = join(root, 'config/packaging/deb');
  const target = join(tree, 'DEBIAN');
  fs.mkdirSync(target);
  for (const name of ['control', 'postinst', 'prerm', 'postrm']) {
    const text = fs.readFileSync(join(source, name), 'utf8').replaceAll(/@([A-Z]+)@/g, (_, key) => values[key]);
    fs.writeFileSync(join(target, name), text, { mode: name === 'control' ? 0o644 : 0o755 });
  }
  fs.writeFileSync(join(target, 'conffiles'), '/etc/tallyman/tallyman.yaml\n');
  const sums = files.map((file) => {
    const sum = createHash('md5').update(fs.readFileSync(file)).digest('hex');
    return `${sum}  ${relative(tree, file)}\n`;
  });
  fs.writeFileSync(join(target, 'md5sums'), sums.join(''));
}

function filesBelow(folder) {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Modes and times that do not depend on who builds, where and when. */
function normalise(folder) {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      normalise(path);
      continue;
    }
    fs.chmodSync(path, (fs.statSync(path).mode & 0o100) === 0 ? 0o644 : 0o755);
    fs.utimesSync(path, epoch, epoch);
  }
  fs.chmodSync(folder, 0o755);
  fs.utimesSync(folder, epoch, epoch);
}

function pack(tree) {
  fs.mkdirSync(options.output, { recursive: true });
  const file = join(options.output, `tallyman_${version.replace('-', '~')}_${architecture}.deb`);
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(epoch), DPKG_DEB_THREADS_MAX: '2', TZ: 'UTC', LC_ALL: 'C' };
  const compression = options.quick ? ['-Zgzip', '-z1'] : ['-Zxz', `-z${options.level}`];
  execFileSync('dpkg-deb', ['--root-owner-group', ...compression, '--build', tree, file], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return file;
}

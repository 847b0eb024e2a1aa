import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { TallymanError } from '../contracts/index.js';
import { findUntrusted } from './distrust.js';
import { assertTrusted } from './trust.js';

const NOBODY = 65_534;
const isRoot = process.geteuid?.() === 0;

describe('findUntrusted', () => {
  const owners = [0, process.geteuid?.() ?? 0];
  let directory = '';
  let file = '';

  beforeEach(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), `tallyman-test-${process.pid}-`)));
    file = join(directory, 'config.yaml');
    writeFileSync(file, '');
    chmodSync(file, 0o644);
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const fixes = (path = file) => findUntrusted(path, owners).map(({ fix }) => fix);

  it('accepts a file that only its owner can write, below a sticky directory', () => {
    assert.deepEqual(fixes(), []);
  });

  it('names a file and a directory that others can write, with the command that fixes it', () => {
    chmodSync(file, 0o666);
    chmodSync(directory, 0o775);
    assert.deepEqual(fixes(), [`chmod go-w ${directory}`, `chmod go-w ${file}`]);
    chmodSync(directory, 0o1777);
    assert.deepEqual(fixes(), [`chmod go-w ${file}`]);
  });

  it('quotes names with special characters', () => {
    const odd = join(directory, "it's here");
    writeFileSync(odd, '');
    chmodSync(odd, 0o620);
    assert.deepEqual(fixes(odd), [`chmod go-w '${directory}/it'\\''s here'`]);
  });

  it('follows symbolic links and checks every directory on the way', () => {
    const open = join(directory, 'open');
    mkdirSync(open);
    symlinkSync('open/../config.yaml', join(directory, 'link'));
    assert.deepEqual(fixes(join(directory, 'link')), []);
    chmodSync(open, 0o777);
    assert.deepEqual(fixes(join(directory, 'link')), [`chmod go-w ${open}`]);
    symlinkSync('loop', join(directory, 'loop'));
    assert.throws(() => findUntrusted(join(directory, 'loop')), /too many symbolic links/);
    assert.throws(() => findUntrusted(join(directory, 'none')), { code: 'ENOENT' });
  });

  it('as root, rejects files of other users', { skip: !isRoot && 'needs root' }, () => {
    assertTrusted(file, 'config file');
    chownSync(file, NOBODY, NOBODY);
    chmodSync(file, 0o666);
    assert.throws(
      () => assertTrusted(file, 'plugin "x"'),
      (error) =>
        error instanceof TallymanError &&
        error.message.includes(`plugin "x" refused: running as root, and ${file} belongs to user 65534`) &&
        error.hint === `chown root ${file} && chmod go-w ${file}`,
    );
  });
});

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, it } from 'node:test';
import { RotatedFile, type Rotation } from './rotated-file.js';

const HOUR = 3_600_000;

describe('RotatedFile', () => {
  const root = mkdtempSync(join(tmpdir(), `tallyman-test-${process.pid}-`));
  after(() => rmSync(root, { recursive: true, force: true }));
  const opened: RotatedFile[] = [];
  let directory = '';
  let path = '';
  let now = 0;
  beforeEach(() => {
    directory = mkdtempSync(join(root, 'case-'));
    path = join(directory, 'samples');
    now = Date.now();
  });
  afterEach(async () => {
    for (const file of opened.splice(0)) await file.close();
  });

  function fileWith(rotation: Partial<Rotation>): RotatedFile {
    const file = new RotatedFile(path, { size: 100, keep: 2, ...rotation }, () => now);
    opened.push(file);
    return file;
  }
  const append = (file: RotatedFile, text: string) => file.append(Buffer.from(text));
  const contents = () =>
    Object.fromEntries(readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), 'utf8')]));

  it('appends to what is there, also after a restart', async () => {
    await append(fileWith({}), 'a\n');
    await append(fileWith({}), 'b\n');
    assert.deepEqual(contents(), { samples: 'a\nb\n' });
    assert.equal(statSync(path).mode & 0o777, 0o640);
  });

  it('begins a new file before one would become too large, and keeps as many as it should', async () => {
    const file = fileWith({ size: 4 });
    for (const text of ['a\n', 'b\n', 'c\n', 'd\n', 'e\n', 'f\n', 'g\n', 'h\n']) await append(file, text);
    assert.deepEqual(contents(), { samples: 'g\nh\n', 'samples.1': 'e\nf\n', 'samples.2': 'c\nd\n' });
  });

  it('writes a batch that is larger than a file into one file', async () => {
    const file = fileWith({ size: 4 });
    await append(file, 'a\n');
    await append(file, '123456\n');
    assert.deepEqual(contents(), { samples: '123456\n', 'samples.1': 'a\n' });
  });

  it('begins a new file when one is old enough', async () => {
    const file = fileWith({ age: HOUR });
    await append(file, 'a\n');
    now += HOUR - 1;
    await append(file, 'b\n');
    now += 1;
    await append(file, 'c\n');
    assert.deepEqual(contents(), { samples: 'c\n', 'samples.1': 'a\nb\n' });
  });

  it('keeps no old file when it should keep none', async () => {
    const file = fileWith({ size: 2, keep: 0 });
    for (const text of ['a\n', 'b\n']) await append(file, text);
    assert.deepEqual(contents(), { samples: 'b\n' });
  });

  it('begins a new file when it was removed', async () => {
    const file = fileWith({});
    await append(file, 'a\n');
    rmSync(path);
    await append(file, 'b\n');
    assert.deepEqual(contents(), { samples: 'b\n' });
  });

  it('refuses symbolic links, pipes and directories, and says what is wrong', async () => {
    symlinkSync(join(directory, 'target'), path);
    await assert.rejects(append(fileWith({}), 'a\n'), /samples cannot be written: ELOOP/);
    rmSync(path);
    execFileSync('mkfifo', [path]);
    await assert.rejects(append(fileWith({}), 'a\n'), /samples is not a regular file/);
    path = directory;
    await assert.rejects(append(fileWith({}), 'a\n'), /is not a regular file/);
    path = join(directory, 'missing/samples');
    await assert.rejects(append(fileWith({}), 'a\n'), /samples cannot be written: ENOENT/);
  });
});

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { PLUGIN_KINDS } from '../../kernel/contracts/index.js';
import { checkName, packageFiles, writeNew } from './plugin-new.js';

describe('the name of a new plugin', () => {
  for (const name of ['x', 'nginx-status', 'a1-b2']) it(`may be ${name}`, () => checkName(name, ['cpu']));
  for (const [name, why] of Object.entries({
    '': /it is invalid/,
    Nginx: /it is invalid/,
    'a--b': /it is invalid/,
    '-a': /it is invalid/,
    '../up': /it is invalid/,
    '@me/plugin': /it is invalid/,
    snake_case: /it is invalid/,
    tallyman: /reserved/,
    cpu: /built-in/,
    ['x'.repeat(61)]: /longer than 60/,
  })) {
    it(`may not be ${JSON.stringify(name)}`, () => assert.throws(() => checkName(name, ['cpu']), why));
  }
});

describe('the files of a new plugin', () => {
  for (const kind of PLUGIN_KINDS) {
    it(`of kind ${kind} are complete and contain no name of the template`, () => {
      const files = packageFiles(kind, 'web-shop');
      for (const path of [
        '.gitignore',
        'package.json',
        'tsconfig.json',
        'tallyman.yaml',
        'README.md',
        'src/index.ts',
      ]) {
        assert.ok(files.has(path), path);
      }
      assert.ok([...files.keys()].some((path) => /^testcases\/.*\/expected\.json$/.test(path)));
      for (const [path, text] of files) assert.doesNotMatch(text, /template.?name/i, path);
      assert.match(files.get('src/index.ts')!, new RegExp(`kind: '${kind}',\n {2}name: 'web-shop',`));
    });
  }

  it('declare the packages that they are built with', () => {
    const manifest = JSON.parse(packageFiles('sink', 'web-shop').get('package.json')!);
    assert.equal(manifest.name, 'web-shop');
    for (const version of [...Object.values(manifest.devDependencies), manifest.peerDependencies.tallyman]) {
      assert.match(String(version), /^(\^|>=)\d+\.\d+\.\d+$/);
    }
  });
});

describe('writing the files of a new plugin', () => {
  const work = mkdtempSync(join(tmpdir(), 'tallyman-test-scaffold-'));
  after(() => rmSync(work, { recursive: true }));
  const files = new Map([
    ['a/b.txt', 'b'],
    ['c.txt', 'c'],
  ]);

  it('creates the folders', () => {
    writeNew(join(work, 'new/one'), files);
    assert.equal(readFileSync(join(work, 'new/one/a/b.txt'), 'utf8'), 'b');
  });

  it('does not overwrite existing files', () => {
    mkdirSync(join(work, 'used'));
    writeFileSync(join(work, 'used/mine.txt'), 'mine');
    assert.throws(() => writeNew(join(work, 'used'), files), /is not empty \(mine\.txt\): nothing was written/);
    assert.equal(existsSync(join(work, 'used/c.txt')), false);
    assert.throws(() => writeNew(join(work, 'used/mine.txt'), files), /cannot be written: (EEXIST|ENOTDIR)/);
  });
});

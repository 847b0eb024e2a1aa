import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { agentMain, projectRoot } from '../project.js';
import { needs } from '../support/needs.js';

const tallyman = (...args: string[]) => execFileSync(process.execPath, [agentMain, ...args], { encoding: 'utf8' });

const folder = mkdtempSync(join(tmpdir(), 'tallyman-test-shells-'));
before(() => {
  mkdirSync(join(folder, 'some dir'));
  writeFileSync(join(folder, 'my config.yaml'), '');
  for (const shell of ['bash', 'zsh', 'fish']) writeFileSync(join(folder, shell), tallyman('completion', shell));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** What each shell offers after these words, the last of which is being typed. */
const SHELLS = ['bash', 'zsh', 'fish'] as const;
const shells: Record<(typeof SHELLS)[number], (words: readonly string[]) => string[]> = {
  bash(words) {
    const list = words.map((word) => `'${word}'`).join(' ');
    const script = `compopt() { :; }; . ./bash; COMP_WORDS=(${list}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _tallyman
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    return run('bash', ['--norc', '-c', script]);
  },
  zsh(words) {
    const list = words.map((word) => `'${word}'`).join(' ');
    const script = `compdef() { :; }
      compadd() { shift; print -l -- "$@"; }
      _describe() { print -l -- "\${(P@)2}" | cut -d : -f 1; }
      _files() { print -l -- *; }
      . ./zsh; words=(${list}); CURRENT=\${#words}; _tallyman`;
    return run('zsh', ['-f', '-c', script]).filter((word) => word.startsWith(words.at(-1)!));
  },
  fish(words) {
    const line = words.map((word) => word.replaceAll(' ', '\\ ')).join(' ');
    return run('fish', ['--no-config', '-c', `source ./fish; complete -C '${line}'`]).map(
      (offer) => offer.split('\t')[0]!,
    );
  },
};

function run(program: string, args: readonly string[]): string[] {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: folder, LANG: 'C.UTF-8' },
  });
  assert.equal(stderr, '');
  assert.ok(status === 0 || status === 1, `${program} ended with ${status}`);
  return stdout.split('\n').filter((line) => line !== '');
}

for (const shell of SHELLS) {
  const offers = shells[shell];
  describe(`completion in ${shell}`, { skip: needs(shell) }, () => {
    it('completes commands and their arguments', () => {
      assert.deepEqual(offers(['tallyman', 'serv']), ['service']);
      assert.deepEqual(offers(['tallyman', 'service', 'un']), ['uninstall']);
      assert.deepEqual(offers(['tallyman', 'service', '']).sort(), ['install', 'privileges', 'status', 'uninstall']);
      assert.deepEqual(offers(['tallyman', 'completion', 'z']), ['zsh']);
      assert.deepEqual(offers(['tallyman', 'plugin', 'new', 'met']), ['metric-source']);
    });

    it('completes options and their values', () => {
      assert.deepEqual(offers(['tallyman', 'service', 'uninstall', '--pu']), ['--purge']);
      assert.deepEqual(offers(['tallyman', 'service', 'install', '--pu']), []);
      assert.deepEqual(offers(['tallyman', '--log-level', 'w']), ['warn']);
      assert.deepEqual(offers(['tallyman', 'check', '--log-level', 'si']), ['silent']);
    });

    it('does not treat the value of an option as a command, and completes files', () => {
      assert.ok(offers(['tallyman', '--config', 'check', 'serv']).includes('service'));
      assert.deepEqual(
        offers(['tallyman', '--config', 'my']).map((offer) => offer.replaceAll('\\', '')),
        ['my config.yaml'],
      );
      assert.deepEqual(offers(['tallyman', '--port', '']), []);
      assert.deepEqual(
        offers(['tallyman', 'plugin', 'test', 'my']).map((offer) => offer.replaceAll('\\', '')),
        ['my config.yaml'],
      );
      assert.deepEqual(offers(['tallyman', 'plugin', 'test', '--upd']), ['--update']);
    });
  });
}

it('bash completes the value of --option=value too', { skip: needs('bash') }, () => {
  assert.deepEqual(shells.bash(['tallyman', '--log-level', '=', 'w']), ['warn']);
  assert.deepEqual(shells.bash(['tallyman', '--log-level', '=']).length, 5);
});

describe('the manual page', () => {
  const page = readFileSync(join(projectRoot, 'docs/tallyman.1'), 'utf8');

  it('is up to date', () => {
    assert.ok(page === tallyman('man'), 'docs/tallyman.1 is stale: run `npm run generate`');
  });

  it('names every option and command of the help', () => {
    const help = `${tallyman('--help')}${tallyman('service', '--help')}`;
    const plain = page.replaceAll('\\-', '-');
    const names = [...help.matchAll(/^ {2}(--[\w-]+|[a-z]+)\b/gm)].map(([, name]) => name!);
    assert.ok(names.length > 10);
    for (const name of names.filter((name) => name !== 'help')) assert.ok(plain.includes(name), name);
  });

  it('is valid roff', { skip: needs('mandoc') }, () => {
    const { stdout } = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning', 'docs/tallyman.1'], {
      cwd: projectRoot,
      encoding: 'utf8',
    });
    assert.deepEqual(
      stdout.split('\n').filter((line) => line !== '' && !line.includes('missing date')),
      [],
    );
  });
});

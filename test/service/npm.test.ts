import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, describe, it } from 'node:test';
import { projectRoot } from '../project.js';
import { needs } from '../support/needs.js';

const work = mkdtempSync(join(tmpdir(), 'tallyman-test-npm-'));
/** npm hands its own settings to what it runs; here it has to behave as in a fresh shell, and leave nothing behind. */
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name))),
  npm_config_cache: join(work, 'cache'),
  // Else ssh2, which comes with dockerode, compiles native parts that it does without.
  npm_config_ignore_scripts: 'true',
};

describe('the npm package', () => {
  after(() => rmSync(work, { recursive: true, force: true }));
  const empty = join(work, 'empty');
  mkdirSync(empty);
  const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string };
  const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', work], {
    cwd: projectRoot,
    env,
    encoding: 'utf8',
  });
  const [{ files }] = JSON.parse(packed) as [{ files: readonly { path: string }[] }];
  const tarball = join(work, readdirSync(work).find((name) => name.endsWith('.tgz'))!);

  it('contains code and documentation, without sources or tests', () => {
    const paths = files.map(({ path }) => path);
    for (const path of [
      'package.json',
      'LICENSE',
      'README.md',
      'dist/cli/main.js',
      'dist/kernel/contracts/index.d.ts',
      'config/tallyman.yaml',
      'config/systemd/tallyman.service',
      'docs/tallyman.1',
      'docs/plugins/tutorial.md',
      'dist/cli/plugin/templates/sink/src/index.test.ts',
    ]) {
      assert.ok(paths.includes(path), path);
    }
    assert.deepEqual(
      paths
        .filter((path) => !path.startsWith('dist/cli/plugin/templates/'))
        .filter((path) => /^(src|test|scripts|node_modules)\/|\.test\./.test(path)),
      [],
    );
  });

  it('runs by npx from an empty folder, serves, and stops on SIGTERM', {
    skip: needs('registry'),
  }, async (t) => {
    const npx = ['--yes', '--package', tarball, 'tallyman'];
    assert.equal(
      execFileSync('npx', [...npx, '--version'], { cwd: empty, env, encoding: 'utf8' }),
      `tallyman ${version}\n`,
    );
    const agent = spawn('npx', [...npx, '--port', '0'], {
      cwd: empty,
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    t.after(() => agent.exitCode ?? process.kill(-agent.pid!, 'SIGKILL'));
    let url: string | undefined;
    for await (const line of createInterface(agent.stdout)) {
      url = /serves (http:\S+)/.exec(line)?.[1];
      if (url !== undefined) break;
    }
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    const ended = once(agent, 'exit');
    process.kill(-agent.pid!, 'SIGTERM');
    await ended;
    assert.deepEqual(readdirSync(empty), []);
  });
});

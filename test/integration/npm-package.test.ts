// The packed npm package, packed and installed once: what is in it, that it runs by npx from an empty folder, and that the
// tutorial of plugins, which begins with it, is true word by word.
import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, describe, it } from 'node:test';
import { projectRoot } from '../project.js';
import { needs } from '../support/needs.js';

const PAGE = join(projectRoot, 'docs/plugins/tutorial.md');
const work = mkdtempSync(join(tmpdir(), 'tallyman-test-npm-'));
// Also where the suite and its hooks are left out.
process.once('exit', () => rmSync(work, { recursive: true, force: true }));
/** npm hands its own settings to what it runs; here it has to behave as in a fresh shell, and leave nothing behind. */
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|TALLYMAN_)/i.test(name))),
  npm_config_cache: join(work, 'cache'),
  // Else ssh2, which comes with dockerode, compiles native parts that it does without.
  npm_config_ignore_scripts: 'true',
  npm_config_update_notifier: 'false',
  TALLYMAN_RUNTIME_DIRECTORY: join(work, 'run'),
  TALLYMAN_STATE_DIRECTORY: join(work, 'state'),
};
/** Where the tutorial begins: a folder with nothing but the package. */
const start = join(work, 'start');
mkdirSync(start);
const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', start], {
  cwd: projectRoot,
  env,
  encoding: 'utf8',
});
const [{ files, filename }] = JSON.parse(packed) as [{ files: readonly { path: string }[]; filename: string }];

/** What a reader does: runs a command and compares, or changes a file. */
type Step =
  | { readonly command: string; readonly shown: readonly string[] }
  | { readonly file: string; readonly change: readonly string[] }
  | { readonly file: string; readonly content: string };

/** The first line of a block that is a file. */
const FILE_NAME = /^(?:\/\/|#) ([\w.-]+\.(?:js|yaml))$/;

/** The steps of a page: commands of `console` blocks with what they show, `diff` blocks, and blocks that begin with the name of a file. */
function stepsOf(markdown: string): Step[] {
  const blocks = markdown.matchAll(/^```(console|diff|js|yaml)\n([\s\S]*?)^```$/gm);
  return [...blocks].flatMap(([, language, text]): Step[] => {
    const lines = text!.trimEnd().split('\n');
    if (language === 'js' || language === 'yaml') {
      const [, file] = FILE_NAME.exec(lines[0]!) ?? [];
      return file === undefined ? [] : [{ file, content: `${lines.slice(1).join('\n')}\n` }];
    }
    if (language === 'diff') return [{ file: lines[0]!.replace(/^--- /, ''), change: lines.slice(1) }];
    const steps: { command: string; shown: string[] }[] = [];
    for (const line of lines) {
      if (line.startsWith('$ ')) steps.push({ command: line.slice(2), shown: [] });
      else steps.at(-1)!.shown.push(line);
    }
    return steps;
  });
}

/** `…` stands for anything; alone on a line for any number of lines. */
function patternOf(shown: readonly string[]): RegExp {
  const lines = shown.map((line) => (line === '…' ? '(?:.*\n)*?' : `${line.split('…').map(escaped).join('.*')}\n`));
  return new RegExp(`^${lines.join('')}$`);
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** Does what a `diff` block shows. Its lines must be in the file once. */
function change(text: string, lines: readonly string[]): string {
  const side = (sign: string) =>
    lines.filter((line) => line.startsWith(' ') || line.startsWith(sign)).map((line) => `${line.slice(1)}\n`);
  const before = side('-').join('');
  assert.equal(text.split(before).length, 2, `these lines must be there once:\n${before}`);
  return text.replace(before, () => side('+').join(''));
}

/** A shell that is given one command after the other. */
class Shell {
  private readonly child: ChildProcessWithoutNullStreams;
  private output = '';
  private tell = () => {};

  constructor(readonly directory: string) {
    this.child = spawn('bash', ['--norc', '--noprofile'], { cwd: directory, env, detached: true });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
        this.tell();
      });
    }
    this.child.once('exit', () => this.tell());
  }

  /** Runs a command to its end, or in the background until it has shown what it is to show. @returns its output */
  async run(command: string, shown: RegExp): Promise<string> {
    this.output = '';
    if (command.endsWith('&')) {
      this.child.stdin.write(`${command}\n`);
      return this.until(() => (shown.test(this.output) ? this.output : undefined));
    }
    const mark = '<end of the command>';
    this.child.stdin.write(`${command}\nprintf '\\n${mark} %d\\n' $?\n`);
    const text = await this.until(() => (this.output.includes(mark) ? this.output : undefined));
    const [said, status] = text.split(`\n${mark} `);
    return `${said}${status!.trim() === '0' || /^FAIL/m.test(said!) ? '' : `\nexit status ${status}`}`;
  }

  /** The folder that the commands have gone to. */
  async folder(): Promise<string> {
    return (await this.run('pwd', /./)).trim();
  }

  /** Ends the shell, and what it has left in the background. */
  end(): void {
    if (this.child.exitCode === null) process.kill(-this.child.pid!, 'SIGKILL');
  }

  private async until(outcome: () => string | undefined): Promise<string> {
    for (;;) {
      const found = outcome();
      if (found !== undefined) return found;
      if (this.child.exitCode !== null) throw new Error(`the shell ended: ${this.output}`);
      await new Promise<void>((resolve) => {
        this.tell = resolve;
      });
    }
  }
}

describe('the npm package', () => {
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
    const empty = join(work, 'empty');
    mkdirSync(empty);
    const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string };
    // The path is that of the tutorial's first command, so that npx installs it once.
    const npx = ['--yes', '--package', join(start, filename), 'tallyman'];
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

describe('the tutorial of plugins, from an empty folder and the packed package', {
  timeout: 600_000,
  skip: needs('registry', 'bash', 'curl'),
}, () => {
  const shell = new Shell(start);
  after(() => {
    shell.end();
  });

  it('begins with the package that it names', () => {
    assert.ok(readFileSync(PAGE, 'utf8').includes(`\`${filename}\``), `${filename} is not on the page`);
  });

  const steps = stepsOf(readFileSync(PAGE, 'utf8'));
  assert.ok(steps.length > 15);
  it('is true word by word', async () => {
    for (const step of steps) {
      if ('command' in step) {
        const pattern = patternOf(step.shown);
        const output = await shell.run(step.command, pattern);
        const lines = output === '' || output.endsWith('\n') ? output : `${output}\n`;
        assert.match(lines, pattern, `$ ${step.command}\n${lines}`);
      } else {
        const file = join(await shell.folder(), step.file);
        if ('content' in step) writeFileSync(file, step.content);
        else writeFileSync(file, change(readFileSync(file, 'utf8'), step.change));
      }
    }
  });
});

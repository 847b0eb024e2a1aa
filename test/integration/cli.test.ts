import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, afterEach, beforeEach, describe, it } from 'node:test';
import { parse } from 'yaml';
import { agentMain } from '../project.js';
import { TestAuthority } from '../support/certificates.js';
import { CommandLine } from '../support/command-line.js';
import { needs } from '../support/needs.js';

describe('command line', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), `tallyman-test-${process.pid}-`));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const put = (name: string, text: string) => {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  };
  const { PATH = '', TALLYMAN_STATE_DIRECTORY = '' } = process.env;
  const environment = { PATH, TALLYMAN_STATE_DIRECTORY };
  /** Runs a command in a process of its own. */
  const started = (args: readonly string[]) => {
    const result = spawnSync(process.execPath, [agentMain, ...args], {
      cwd: directory,
      env: environment,
      encoding: 'utf8',
    });
    return { status: result.status, out: result.stdout, error: result.stderr };
  };
  const commands = new CommandLine();
  after(() => commands.stop());
  const tallyman = (args: readonly string[], env: Record<string, string> = {}) =>
    commands.run(args, directory, { ...environment, ...env });
  const effective = async (args: readonly string[], env?: Record<string, string>) => {
    const { status, out, error } = await tallyman(['check', ...args], env);
    assert.equal(status, 0, error);
    return parse(out);
  };

  it('prints version and help', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    assert.deepEqual(started(['--version']), { status: 0, out: `tallyman ${version}\n`, error: '' });
    const help = await tallyman(['--help']);
    assert.equal(help.status, 0);
    for (const option of [
      '--config',
      '--listen',
      '--port',
      '--log-level',
      '--version',
      '--help',
      'TALLYMAN_PORT',
      'check',
    ]) {
      assert.ok(help.out.includes(option), option);
    }
  });

  it('exits when it cannot start, whatever is open', async () => {
    const occupant = createServer().listen(0, '127.0.0.1');
    await once(occupant, 'listening');
    const { port } = occupant.address() as AddressInfo;
    const { status, error } = started(['--listen', `127.0.0.1:${port}`]);
    occupant.close();
    assert.match(error, /tallyman: cannot listen on 127\.0\.0\.1:\d+/);
    assert.equal(status, 1);
  });

  it('reports a port that another process uses', async () => {
    const occupant = createServer().listen(0, '127.0.0.1');
    await once(occupant, 'listening');
    const { port } = occupant.address() as AddressInfo;
    const { status, out, error } = await tallyman(['check', '--listen', `127.0.0.1:${port}`]);
    occupant.close();
    assert.match(error, /tallyman: cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/);
    assert.deepEqual({ status, out }, { status: 1, out: '' });
  });

  it('check accepts the file as an argument, and other commands reject unused arguments', async () => {
    put('mine.yaml', 'log: {level: debug}\n');
    assert.equal((await effective(['mine.yaml'])).log.level, 'debug');
    const missing = await tallyman(['check', 'none.yaml']);
    assert.equal(missing.status, 78);
    assert.match(missing.error, /none\.yaml does not exist/);
    const two = await tallyman(['check', 'mine.yaml', '--config', 'other.yaml']);
    assert.equal(two.status, 78);
    assert.match(two.error, /two files are named: "mine\.yaml" and --config "other\.yaml"/);
    for (const command of ['doctor', 'reload', 'plugins', 'cardinality', 'man']) {
      const { status, error } = await tallyman([command, 'mine.yaml']);
      assert.equal(status, 78, command);
      assert.match(error, /too many arguments/);
    }
  });

  const UNUSABLE = 'names line, option and file of a certificate, key or password file that the start could not use';
  it(UNUSABLE, { skip: needs('openssl') }, async () => {
    const authority = new TestAuthority(directory);
    authority.issue('server');
    authority.issue('other');
    const cases: [string, RegExp][] = [
      ['tls: { cert: none.pem, key: server.key }', /x\.yaml:1:21: web\.tls\.cert: .*none\.pem cannot be used: ENOENT/],
      [
        'tls: { cert: server.pem, key: other.key }',
        /:1:38: web\.tls\.key: .*other\.key .* not the private key of the cert/,
      ],
      [
        'tls: { cert: server.key, key: server.key }',
        /web\.tls\.cert: .*server\.key .* does not hold a PEM certificate/,
      ],
      ['tls: { cert: server.pem, key: server.pem }', /web\.tls\.key: .*server\.pem .* does not hold a PEM private key/],
      [
        'auth: { basic: { file: htpasswd } }',
        /x\.yaml:1:\d+: web\.auth\.basic\.file: .*htpasswd cannot be used: ENOENT/,
      ],
      ['auth: { bearer: { file: x.yaml } }', /x\.yaml:1:\d+: web\.auth\.bearer\.file: .*x\.yaml cannot be used/],
    ];
    for (const [web, expected] of cases) {
      put('x.yaml', `web: { ${web} }\n`);
      for (const args of [
        ['check', 'x.yaml'],
        ['--config', 'x.yaml', '--port', '0'],
      ]) {
        const { status, out, error } = await tallyman(args);
        assert.match(error, expected, args.join(' '));
        assert.equal(status, 78, error);
        if (args[0] === 'check') assert.equal(out, '');
      }
    }
    put('x.yaml', 'web: { tls: { cert: server.pem, key: server.key } }\n');
    assert.equal((await tallyman(['check', 'x.yaml'])).status, 0);
  });

  it('prints the sample configuration of the package', async () => {
    assert.equal((await tallyman(['config', 'sample'])).out, readFileSync('config/tallyman.yaml', 'utf8'));
    assert.equal((await tallyman(['config', 'schema'])).out, readFileSync('config/tallyman.schema.json', 'utf8'));
  });

  it('flags override variables, variables the file, and the file the defaults', async () => {
    put(
      'tallyman.config.yaml',
      'web: {listen: [10.0.0.1:1, "unix:/run/x"], allowUnauthenticated: true}\nlog: {level: debug}\n',
    );
    put('other.yaml', 'log: {level: silent}\n');
    assert.equal((await effective([])).log.level, 'debug');
    assert.equal((await effective([], { TALLYMAN_LOG_LEVEL: 'warn' })).log.level, 'warn');
    assert.equal((await effective(['--log-level', 'error'], { TALLYMAN_LOG_LEVEL: 'warn' })).log.level, 'error');
    assert.equal((await effective([], { TALLYMAN_CONFIG: 'other.yaml' })).log.level, 'silent');
    assert.equal(
      (await effective(['--config', 'tallyman.config.yaml'], { TALLYMAN_CONFIG: 'none' })).log.level,
      'debug',
    );
    assert.equal((await effective([], { TALLYMAN_CONFIG: '', TALLYMAN_LOG_LEVEL: '' })).log.level, 'debug');
  });

  it('accepts several addresses, and one port for all', async () => {
    put('.tallymanrc', 'web: {listen: [10.0.0.1:1, "unix:/run/x", "[::1]:2"], allowUnauthenticated: true}');
    const listen = async (args: readonly string[], env?: Record<string, string>) =>
      (await effective(args, env)).web.listen;
    assert.deepEqual(await listen(['--port', '9']), ['10.0.0.1:9', 'unix:/run/x', '[::1]:9']);
    assert.deepEqual(await listen(['--listen', 'a:1,b:2', '--listen', 'unix:/y']), ['a:1', 'b:2', 'unix:/y']);
    assert.deepEqual(await listen(['--port', '3'], { TALLYMAN_LISTEN: 'a:1, b:2' }), ['a:3', 'b:3']);
    assert.deepEqual(await listen(['--listen', 'a:1'], { TALLYMAN_PORT: '3' }), ['a:1']);
    assert.deepEqual(await listen([], { TALLYMAN_PORT: '0' }), ['10.0.0.1:0', 'unix:/run/x', '[::1]:0']);
  });

  it('serves other hosts without authentication only with the flag', async () => {
    const allowed = async (args: readonly string[], env?: Record<string, string>) =>
      (await effective(['--listen', ':80', ...args], env)).web.allowUnauthenticated;
    assert.equal(await allowed(['--allow-unauthenticated']), true);
    assert.equal(await allowed([], { TALLYMAN_ALLOW_UNAUTHENTICATED: 'true' }), true);
  });

  it('reports an invalid flag, variable, command or file and exits with 78', async () => {
    const cases: [readonly string[], Record<string, string>, RegExp][] = [
      [['--prot', '1'], {}, /unknown option '--prot'\n\(Did you mean --port\?\)/],
      [['--port'], {}, /--port <number>' argument missing/],
      [['--port', '99999'], {}, /^--port: expected a port from 0 to 65535, found "99999"$/m],
      [[], { TALLYMAN_PORT: 'tcp://10.0.0.1:80' }, /^TALLYMAN_PORT: expected a port/m],
      [[], { TALLYMAN_LISTEN: 'x' }, /^TALLYMAN_LISTEN: expected host:port/m],
      [['--listen', 'unix:/x', '--port', '1'], {}, /^--port: web\.listen has no host:port address/m],
      [['--log-level', 'wran'], {}, /^--log-level: expected one of .*did you mean "warn"\?$/m],
      [['--config', 'none.yaml'], {}, /^--config: .*none\.yaml does not exist$/m],
      [['--config', ''], {}, /^--config: expected the name of a file/m],
      [['--listen', ':80'], {}, /^--listen: other hosts could read .*web\.allowUnauthenticated: true$/m],
      [[], { TALLYMAN_ALLOW_UNAUTHENTICATED: 'maybe' }, /^TALLYMAN_ALLOW_UNAUTHENTICATED: expected true or false/m],
    ];
    for (const [args, env, expected] of cases) {
      for (const command of [[], ['check']]) {
        const { status, out, error } = await tallyman([...command, ...args], env);
        assert.equal(status, 78, `${args.join(' ')}: ${error}`);
        assert.match(error, expected);
        assert.equal(out, '');
      }
    }
    const { status, error } = started(['chekc']);
    assert.equal(status, 78);
    assert.match(error, /unknown command 'chekc'\n\(Did you mean check\?\)/);
  });

  it('shows no secret, neither in the effective configuration nor in errors', async () => {
    const sink = (options: string) =>
      put('tallyman.config.yaml', `plugins: [{ use: otlp, with: { ${options} } }]\nweb: { hosts: [a.example] }\n`);
    sink("headers: { Authorization: Bearer swordfish, 'X-Tenant': swordfish }");
    const { status, out } = await tallyman(['check']);
    assert.equal(status, 0);
    assert.ok(!out.includes('swordfish'), out);
    const entry = parse(out).plugins.find(({ use }: { use: string }) => use === 'otlp');
    assert.deepEqual(entry.with.headers, { Authorization: '(secret)', 'X-Tenant': '(secret)' });
    for (const [options, expected] of [
      ['endpoint: "http://ann:swordfish@host/v1"', /with\.endpoint: expected a URL without user and password/],
      ['headers: { Authorization: [swordfish] }', /headers\.Authorization: expected text/],
      ['headers: swordfish', /headers: expected a mapping/],
    ] as const) {
      sink(options);
      const bad = await tallyman(['check']);
      assert.equal(bad.status, 78, options);
      assert.match(bad.error, expected);
      assert.ok(!bad.error.includes('swordfish'), bad.error);
    }
    put('tallyman.config.yaml', 'plugins: [{ use: docker, with: { endpoint: "tcp://ann:swordfish@host" } }]\n');
    const { error } = await tallyman(['check']);
    assert.match(error, /endpoint: expected only host and port.*not a user and a password/);
    assert.ok(!error.includes('swordfish'), error);
  });

  it('prints all errors of the file and exits with 78', async () => {
    put('tallyman.config.yaml', 'web:\n  listn: []\nhistory: {duration: 1}\n');
    const { status, error } = await tallyman(['check']);
    assert.equal(status, 78);
    assert.match(error, /^tallyman: the configuration has 2 errors$/m);
    assert.match(error, /tallyman\.config\.yaml:2:3: web\.listn: unknown option "listn"; did you mean "listen"\?$/m);
    assert.match(error, /tallyman\.config\.yaml:3:21: history\.duration: expected a duration/m);
    assert.equal(error.includes('\x1b'), false);
  });

  it('loads plugins from beside the file, and validates their options', async () => {
    const safeParse = `(value) => typeof value.depth === 'number' ? { success: true, data: value }
      : { success: false, error: { issues: [{ code: 'custom', path: ['depth'], message: 'expected a depth' }] } }`;
    const mine = (
      schema: string,
    ) => `export default { $tallyman: 'plugin', kind: 'endpoint', name: 'mine', apiVersion: 1,
      description: 'Mine.', configSchema: { safeParse: ${schema} }, create: () => ({ routes: {} }) };`;
    put('plugins/mine.mjs', mine(safeParse));
    put('plugins/broken.mjs', 'throw new Error("out of order")');
    put('x.yaml', 'plugins: [{use: ./plugins/mine.mjs, id: mine, with: {depth: 2}}, {use: ./plugins/broken.mjs}]');
    const { status, out, error } = await tallyman(['check', '--config', join(directory, 'x.yaml')]);
    assert.equal(status, 0, error);
    assert.match(error, /plugin \.\/plugins\/broken\.mjs: its module cannot be loaded: out of order/);
    const entry = parse(out).plugins.find((each: { id?: string }) => each.id === 'mine');
    assert.deepEqual(entry.with, { depth: 2 });

    put('y.yaml', 'plugins:\n  - use: ./plugins/mine.mjs\n    with:\n      depth: x\n  - use: ./plugins/none.mjs\n');
    const refused = await tallyman(['check', '--config', 'y.yaml']);
    assert.equal(refused.status, 78);
    assert.match(refused.error, /y\.yaml:4:14: plugins\[0\]\.with\.depth: expected a depth, found "x"$/m);
    assert.match(refused.error, /y\.yaml:5:10: plugins\[1\]\.use: plugin "\.\/plugins\/none\.mjs"/);
  });

  it('as root, refuses a plugin that others can write', {
    skip: process.geteuid?.() !== 0 && 'needs root',
  }, async () => {
    put('plugins/mine.mjs', "import { writeFileSync } from 'node:fs'; writeFileSync('executed', '');");
    chmodSync(join(directory, 'plugins/mine.mjs'), 0o666);
    put('x.yaml', 'plugins: [{use: ./plugins/mine.mjs}]');
    const { status, error } = await tallyman(['check', '--config', 'x.yaml']);
    assert.equal(status, 78);
    assert.match(error, /mine\.mjs is writable by others \(mode 666\)\n {4}chmod go-w .*mine\.mjs$/m);
    assert.equal(existsSync(join(directory, 'executed')), false);
  });

  it('ignores configuration in the working directory', async () => {
    const trap = `require('node:fs').writeFileSync(${JSON.stringify(join(directory, 'executed'))}, ''); module.exports = {};`;
    for (const name of [
      '.config/config.cjs',
      '.config/config.js',
      'tallyman.config.cjs',
      'tallyman.config.js',
      '.tallymanrc.cjs',
    ]) {
      put(name, trap);
    }
    put('.config/config.mjs', trap);
    put('package.json', '{"cosmiconfig": {"searchPlaces": ["evil.yaml"]}, "tallyman": {"log": {"level": "silent"}}}');
    put('package.yaml', 'cosmiconfig: {searchPlaces: [evil.yaml]}');
    put('evil.yaml', 'log: {level: silent}');
    assert.equal((await effective([])).log.level, 'info');
    put('.tallymanrc', '$import: ./tallyman.config.cjs');
    const refused = await tallyman(['check']);
    assert.equal(refused.status, 78);
    assert.match(refused.error, /\.tallymanrc:1:1: \$import: unknown option/);
    const program = await tallyman(['check', '--config', 'tallyman.config.cjs']);
    assert.equal(program.status, 78);
    assert.match(program.error, /is a program, which is not executed/);
    assert.equal(existsSync(join(directory, 'executed')), false);
  });
});

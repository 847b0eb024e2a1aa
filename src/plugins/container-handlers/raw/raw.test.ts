import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ContainerHandler, PluginContext } from '../../../kernel/contracts/index.js';
import raw from './index.js';

function handler(config: unknown): ContainerHandler {
  return raw.create({} as PluginContext, raw.configSchema.parse(config));
}

describe('raw', () => {
  it('accepts every path, without aliases', () => {
    const identification = handler({}).identify('/system.slice/cron.service');
    assert.equal(identification.verdict, 'accept');
    assert.deepEqual(identification.verdict === 'accept' && identification.description.aliases, []);
  });

  it('accepts / as the machine, whatever the globs are', () => {
    const identification = handler({ include: ['/a'], exclude: ['/', '/**', '**'] }).identify('/');
    assert.equal(identification.verdict === 'accept' && identification.description.networkMode, 'host');
  });

  it('ignores excluded paths, also when they are included', () => {
    const excluding = handler({ include: ['/system.slice/**'], exclude: ['/system.slice/*.socket'] });
    assert.equal(excluding.identify('/system.slice/docker.socket').verdict, 'ignore');
    assert.equal(excluding.identify('/system.slice/docker.service').verdict, 'accept');
  });

  it('passes paths that are not included to the next handler', () => {
    assert.equal(handler({ include: ['/system.slice/*'] }).identify('/user.slice').verdict, 'pass');
  });

  const verdicts = (config: unknown, paths: readonly string[]) => {
    const asked = handler(config);
    return paths.filter((path) => asked.identify(path).verdict === 'accept');
  };

  it('matches a prefix as a cgroup and everything below it', () => {
    const paths = ['/', '/app', '/app/web', '/app-old', '/other'];
    assert.deepEqual(verdicts({ prefixes: ['/app'] }, paths), ['/', '/app', '/app/web']);
    assert.deepEqual(verdicts({ prefixes: ['/app/'] }, paths), ['/', '/app/web']);
    assert.deepEqual(verdicts({ prefixes: ['/'] }, paths), paths);
  });

  it('matches a plain prefix as text, as cAdvisor does', () => {
    const paths = ['/', '/app', '/app/web', '/app-old', '/other'];
    const expected = ['/', '/app', '/app/web', '/app-old'];
    assert.deepEqual(verdicts({ prefixes: ['/app'], prefixMatch: 'plain' }, paths), expected);
  });

  it('accepts only / and included paths with dockerOnly', () => {
    const paths = ['/', '/app', '/app/web', '/system.slice', '/system.slice/cron.service'];
    assert.deepEqual(verdicts({ dockerOnly: true }, paths), ['/']);
    const named = { dockerOnly: true, prefixes: ['/app'], include: ['/system.slice/*'], exclude: ['/app/web'] };
    assert.deepEqual(verdicts(named, paths), ['/', '/app', '/system.slice/cron.service']);
  });

  it('rejects unknown options, invalid globs and prefixes that are not paths', () => {
    assert.throws(() => raw.configSchema.parse({ prefixes: ['app'] }), /\/system\.slice/);
    assert.throws(() => raw.configSchema.parse({ includes: ['/a'] }), /includes/);
    assert.throws(() => raw.configSchema.parse({ include: ['/a[b'] }), /glob/);
  });
});

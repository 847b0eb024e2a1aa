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

  it('takes / for the machine, whatever the globs say', () => {
    const identification = handler({ include: ['/a'], exclude: ['/', '/**', '**'] }).identify('/');
    assert.equal(identification.verdict === 'accept' && identification.description.networkMode, 'host');
  });

  it('ignores what is excluded, also when it is included', () => {
    const excluding = handler({ include: ['/system.slice/**'], exclude: ['/system.slice/*.socket'] });
    assert.equal(excluding.identify('/system.slice/docker.socket').verdict, 'ignore');
    assert.equal(excluding.identify('/system.slice/docker.service').verdict, 'accept');
  });

  it('passes what is not included, for the next handler', () => {
    assert.equal(handler({ include: ['/system.slice/*'] }).identify('/user.slice').verdict, 'pass');
  });

  const verdicts = (config: unknown, paths: readonly string[]) => {
    const asked = handler(config);
    return paths.filter((path) => asked.identify(path).verdict === 'accept');
  };

  it('takes a prefix for a cgroup and all below it', () => {
    const paths = ['/', '/app', '/app/web', '/app-old', '/other'];
    assert.deepEqual(verdicts({ prefixes: ['/app'] }, paths), ['/', '/app', '/app/web']);
    assert.deepEqual(verdicts({ prefixes: ['/app/'] }, paths), ['/', '/app/web']);
    assert.deepEqual(verdicts({ prefixes: ['/'] }, paths), paths);
  });

  it('takes a plain prefix for a text, as cAdvisor does', () => {
    const paths = ['/', '/app', '/app/web', '/app-old', '/other'];
    const expected = ['/', '/app', '/app/web', '/app-old'];
    assert.deepEqual(verdicts({ prefixes: ['/app'], prefixMatch: 'plain' }, paths), expected);
  });

  it('with dockerOnly takes / and what is named', () => {
    const paths = ['/', '/app', '/app/web', '/system.slice', '/system.slice/cron.service'];
    assert.deepEqual(verdicts({ dockerOnly: true }, paths), ['/']);
    const named = { dockerOnly: true, prefixes: ['/app'], include: ['/system.slice/*'], exclude: ['/app/web'] };
    assert.deepEqual(verdicts(named, paths), ['/', '/app', '/system.slice/cron.service']);
  });

  it('refuses unknown options, broken globs and prefixes that are no paths', () => {
    assert.throws(() => raw.configSchema.parse({ prefixes: ['app'] }), /\/system\.slice/);
    assert.throws(() => raw.configSchema.parse({ includes: ['/a'] }), /includes/);
    assert.throws(() => raw.configSchema.parse({ include: ['/a[b'] }), /glob/);
  });
});

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

  it('refuses unknown options and broken globs', () => {
    assert.throws(() => raw.configSchema.parse({ includes: ['/a'] }), /includes/);
    assert.throws(() => raw.configSchema.parse({ include: ['/a[b'] }), /glob/);
  });
});

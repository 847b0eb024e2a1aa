import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { uncomment } from '../../../test/support/config-sample.js';
import { definePlugin, duration, type Plugin, z } from '../contracts/index.js';
import { type JsonSchema, withDefaults } from './json-schema.js';
import { configFileSchema, configReference, renderReference, renderSample } from './reference.js';

const OPTIONS = z.strictObject({
  interval: duration().prefault('5s').meta({ description: 'How often | when.', format: 'duration' }),
  token: z.string().optional().describe('Secret.'),
  tls: z
    .strictObject({ ca: z.string().default('/ca').describe('Authority.') })
    .prefault({})
    .describe('TLS.'),
});

function plugin(name: string, configSchema: z.ZodType): () => Promise<Plugin> {
  const create = () => ({ routes: {} });
  const definition = { kind: 'endpoint', name, apiVersion: 1, description: `Gives ${name}.` } as const;
  return async () => definePlugin({ ...definition, configSchema, create });
}

const builtins = {
  beta: plugin('beta', z.strictObject({})),
  alpha: plugin('alpha', OPTIONS),
  off: plugin('off', OPTIONS),
};
const defaults = [{ use: 'alpha', onError: 'probe' as const, with: { tls: { ca: '/other' } } }, { use: 'beta' }];

describe('generated configuration reference', () => {
  it('selects the options schema of a plugin by its name', async () => {
    const schema = configFileSchema(await configReference(builtins, defaults));
    const entry = schema.properties!.plugins!.items as JsonSchema & {
      allOf: { then: { properties: { with: JsonSchema } } }[];
    };
    assert.deepEqual(
      entry.properties!.use!.anyOf!.map((each) => each.const),
      ['alpha', 'beta', 'off', undefined],
    );
    const rule = entry.allOf[0]!.then.properties.with;
    assert.equal(rule.properties!.interval!.default, '5s');
    assert.deepEqual(schema.properties!.web!.type, ['object', 'null']);
  });

  it('shows every option in the sample, which gives the defaults when uncommented', async () => {
    const sample = renderSample(await configReference(builtins, defaults));
    const { plugins, ...sections } = parse(uncomment(sample));
    assert.deepEqual(plugins, [
      { use: 'alpha', onError: 'probe', with: { interval: '5s', tls: { ca: '/other' } } },
      { use: 'beta' },
      { use: 'off', enabled: false, with: { interval: '5s', tls: { ca: '/ca' } } },
    ]);
    assert.deepEqual(Object.keys(sections), [
      'web',
      'housekeeping',
      'history',
      'events',
      'recorder',
      'budget',
      'appMetrics',
      'discovery',
      'machine',
      'host',
      'log',
    ]);
    assert.match(sample, /# token: <text>/);
    assert.deepEqual(
      Object.values(parse(sample)),
      Object.keys(parse(sample)).map(() => null),
    );
  });

  it('lists every option in the tables', async () => {
    const text = renderReference(await configReference(builtins, defaults));
    assert.match(text, /^\| `web\.listen` \| list of text \| `\[127\.0\.0\.1:8080\]` \|/m);
    assert.match(text, /^\| `interval` \| duration \| `5s` \| How often \\\| when\. \|$/m);
    assert.match(text, /^\| `tls\.ca` \| text \| `\/ca` \|/m);
    assert.match(text, /^\| `off` \| off \| Gives off\. \|$/m);
  });
});

describe('withDefaults', () => {
  it('fills in defaults at every depth and keeps existing values', () => {
    const schema: JsonSchema = {
      properties: {
        a: { default: {}, properties: { b: { default: 1 }, c: {} } },
        d: { items: { properties: { e: { default: 2 } } } },
      },
    };
    assert.deepEqual(withDefaults({ d: [{}, { e: 3 }], x: null }, schema), {
      a: { b: 1 },
      d: [{ e: 2 }, { e: 3 }],
      x: null,
    });
  });
});

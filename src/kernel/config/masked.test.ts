import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { secret, z } from '../contracts/index.js';
import { validate } from './issues.js';
import { jsonSchemaOf } from './json-schema.js';
import { masked } from './masked.js';

const schema = z.strictObject({
  pin: secret().optional(),
  headers: z.record(z.string(), secret()).default({}),
  users: z.array(z.strictObject({ name: z.string(), word: secret() })).default([]),
  endpoint: z.string().default(''),
  passwordFile: z.string().optional(),
});
const json = jsonSchemaOf(schema);

describe('masked', () => {
  it('masks options that the schema marks as secret', () => {
    const options = {
      pin: '1234',
      headers: { Authorization: 'Bearer x', 'X-Other': 'y' },
      users: [{ name: 'ann', word: 'z' }],
      passwordFile: '/etc/word',
    };
    assert.deepEqual(masked(options, json), {
      pin: '(secret)',
      headers: { Authorization: '(secret)', 'X-Other': '(secret)' },
      users: [{ name: 'ann', word: '(secret)' }],
      passwordFile: '/etc/word',
    });
  });

  it('masks by name where there is no schema, and in URLs', () => {
    const options = {
      password: 'a',
      apiKey: ['b', 3],
      nested: { access_token: 'c', empty: { secret: '' } },
      requestHeaders: { 'x-tenant': 'd' },
      url: 'https://ann:w@rd@host:1/p?api_key=e&page=2',
      note: 'see http://host/ and tcp://tok@other',
      count: 3,
    };
    assert.deepEqual(masked(options, undefined), {
      password: '(secret)',
      apiKey: ['(secret)', '(secret)'],
      nested: { access_token: '(secret)', empty: { secret: '' } },
      requestHeaders: { 'x-tenant': '(secret)' },
      url: 'https://(secret)@host:1/p?api_key=(secret)&page=2',
      note: 'see http://host/ and tcp://(secret)@other',
      count: 3,
    });
  });

  it('keeps the shape of any options', () => {
    const shape = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(shape);
      if (typeof value !== 'object' || value === null) return undefined;
      return Object.entries(value).map(([key, member]) => [key, shape(member)]);
    };
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        for (const known of [json, undefined]) assert.deepEqual(shape(masked(value, known)), shape(value));
      }),
    );
  });

  it('is applied to values in errors', () => {
    const { findings } = validate(
      schema,
      { pin: ['swordfish'], users: [{ name: 'ann', word: { is: 'sesame' } }] },
      { value: json },
    );
    assert.equal(findings.length, 2);
    const said = JSON.stringify(findings);
    assert.ok(!said.includes('swordfish') && !said.includes('sesame'), said);
  });
});

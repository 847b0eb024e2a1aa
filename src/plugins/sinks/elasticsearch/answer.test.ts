import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DeliveryError } from '../../../kernel/contracts/index.js';
import { resultOf } from './answer.js';

const answer = (...items: unknown[]) =>
  Buffer.from(JSON.stringify({ errors: true, items: items.map((create) => ({ create })) }));
const refused = { status: 400, error: { type: 'document_parsing_exception', reason: 'no' } };
const busy = { status: 429, error: { type: 'es_rejected_execution_exception', reason: 'full' } };

describe('the answer to a bulk request', () => {
  it('without errors means that everything is stored', () => {
    assert.deepEqual(resultOf(Buffer.from('{"errors":false}')), {});
  });

  it('takes documents that are there already for stored', () => {
    assert.deepEqual(
      resultOf(answer({ status: 201 }, { status: 409, error: { type: 'version_conflict', reason: '' } })),
      {},
    );
  });

  it('tells how many documents were refused, and why', () => {
    assert.deepEqual(resultOf(answer({ status: 201 }, refused, refused)), {
      rejected: 2,
      message: '400 document_parsing_exception no',
    });
  });

  it('has other words from OpenSearch, which mean the same', () => {
    const parsing = { type: 'mapper_parsing_exception', reason: 'failed to parse field [metrics.x] of type [long]' };
    assert.deepEqual(resultOf(answer({ status: 400, error: parsing }, { status: 201 })), {
      rejected: 1,
      message: `400 ${parsing.type} ${parsing.reason}`,
    });
    const reason = 'no such index [metrics-tallyman-default] and [action.auto_create_index] is [false]';
    const missing = { status: 404, error: { type: 'index_not_found_exception', reason } };
    assert.throws(
      () => resultOf(answer(missing)),
      (error) => error instanceof DeliveryError && !error.isPermanent && error.message.includes(reason),
    );
  });

  it('asks for another try when a document may be stored later', () => {
    const missing = { status: 404, error: { type: 'index_not_found_exception', reason: 'no such index' } };
    for (const item of [busy, { status: 503 }, missing, {}]) {
      assert.throws(
        () => resultOf(answer(refused, item)),
        (error) => error instanceof DeliveryError && !error.isPermanent,
      );
    }
  });

  it('is no reason to fail otherwise, whatever it is', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        for (const body of [text, `{"errors":true,"items":[${text}]}`, text.slice(1)]) {
          try {
            resultOf(Buffer.from(body));
          } catch (error) {
            assert.ok(error instanceof DeliveryError, String(error));
          }
        }
      }),
    );
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

export type BulkDocument = Readonly<Record<string, unknown>>;

/** What one document of a request is answered with instead of being stored. */
export interface BulkRefusal {
  readonly status: number;
  readonly type: string;
  readonly reason: string;
}

/**
 * Stands in for Elasticsearch: takes bulk requests of `create` actions, checks every line as the real one does, and keeps
 * each document by index and id, once.
 */
export class BulkServer {
  /** By `index/id`. */
  readonly documents = new Map<string, BulkDocument>();
  /** What was wrong with requests. */
  readonly problems: string[] = [];
  readonly authorizations = new Set<string | undefined>();
  /** Documents that were there already. */
  conflicts = 0;
  /** Asked for each document before it is stored. */
  refuse: (document: BulkDocument, index: string) => BulkRefusal | undefined = () => undefined;
  /** Whether the connection ends in place of the next answer, after everything was stored. */
  loseNextAnswer = false;

  private readonly server = createServer((request, response) => {
    this.answer(request, response).catch((error: unknown) => {
      this.problems.push(String(error));
      send(response, 400, { error: { type: 'illegal_argument_exception', reason: String(error) }, status: 400 });
    });
  });

  static async listen(): Promise<BulkServer> {
    const bulk = new BulkServer();
    bulk.server.listen(0, '127.0.0.1');
    await once(bulk.server, 'listening');
    return bulk;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  of(index: string): BulkDocument[] {
    return [...this.documents].filter(([key]) => key.startsWith(`${index}/`)).map(([, document]) => document);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const { method, headers } = request;
    const { pathname, searchParams } = new URL(request.url!, this.url);
    const [, index] = /^\/([^/]+)\/_bulk$/.exec(pathname) ?? [];
    assert.ok(index !== undefined, `no bulk request: ${pathname}`);
    assert.equal(method, 'POST');
    assert.match(headers['content-type'] ?? '', /^application\/(x-ndjson|json)$/);
    this.authorizations.add(headers.authorization);
    const body = Buffer.concat(chunks);
    const text = (headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString();
    const items = this.store(index, text);
    if (this.loseNextAnswer) {
      this.loseNextAnswer = false;
      request.socket.destroy();
      return;
    }
    assert.equal(searchParams.get('filter_path'), 'errors,items.*.status,items.*.error.type,items.*.error.reason');
    send(response, 200, { errors: items.some(({ create }) => create.status > 299), items });
  }

  private store(index: string, text: string): BulkItem[] {
    assert.ok(text.endsWith('\n'), 'the bulk request must be terminated by a newline');
    const lines = text.slice(0, -1).split('\n');
    assert.equal(lines.length % 2, 0, 'an action without its document');
    const items: BulkItem[] = [];
    for (let i = 0; i < lines.length; i += 2) {
      const action = JSON.parse(lines[i]!) as { create: { _id: string } };
      assert.deepEqual(Object.keys(action), ['create']);
      assert.deepEqual(Object.keys(action.create), ['_id']);
      assert.ok(Buffer.byteLength(action.create._id) <= 512);
      const document = JSON.parse(lines[i + 1]!) as BulkDocument;
      items.push({ create: this.create(index, action.create._id, document) });
    }
    return items;
  }

  private create(index: string, id: string, document: BulkDocument): BulkItem['create'] {
    const refusal = this.refuse(document, index);
    if (refusal !== undefined) {
      return { status: refusal.status, error: { type: refusal.type, reason: refusal.reason } };
    }
    const key = `${index}/${id}`;
    if (this.documents.has(key)) {
      this.conflicts++;
      return { status: 409, error: { type: 'version_conflict_engine_exception', reason: `[${id}]: exists` } };
    }
    if (index.startsWith('metrics-')) checkDataStreamDocument(document);
    this.documents.set(key, document);
    return { status: 201 };
  }
}

interface BulkItem {
  readonly create: { readonly status: number; readonly error?: { readonly type: string; readonly reason: string } };
}

/** What the mapping of a data stream would not take. */
function checkDataStreamDocument(document: BulkDocument): void {
  const { '@timestamp': time, labels, metrics, ...others } = document;
  assert.deepEqual(others, {});
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/);
  for (const value of Object.values(labels as object)) assert.equal(typeof value, 'string');
  for (const value of Object.values(metrics as object)) assert.ok(Number.isFinite(value));
  assert.ok(Object.keys(metrics as object).length > 0);
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}

import type { ServedOperation } from '../../../kernel/contracts/index.js';
import { SchemaCollection } from './schemas.js';

type Errors = NonNullable<ServedOperation['errors']>;

const DEFAULT_ERRORS: Errors = {
  400: 'the request is wrong',
  404: 'what it asks for is not there',
};
/** Errors of every request, when a limit of the server is reached. */
const LIMITS: Errors = { 503: 'no answer in time, or too many connections' };
const BODY_LIMITS: Errors = {
  408: 'the body did not arrive in time',
  413: 'too large a body',
};

/** The OpenAPI 3.1 document of the served operations. @param server prefix of all paths, `/` for none */
export function openApiDocument(operations: readonly ServedOperation[], version: string, server: string): object {
  const schemas = new SchemaCollection();
  const paths = operations.flatMap((operation) => pathsOf(operation, schemas));
  const components = Object.entries(schemas.components);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tallyman',
      version,
      description:
        'What the containers of this host consume. The method matters only where POST is the only one listed.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: server }],
    paths: Object.fromEntries(paths),
    components: { schemas: Object.fromEntries(components.sort(([a], [b]) => (a < b ? -1 : 1))) },
  };
}

/** The path itself, and the path with what may follow it. */
function pathsOf(operation: ServedOperation, schemas: SchemaCollection): [string, object][] {
  const { path, rest } = operation;
  const methods = (parameters: readonly object[], suffix: string): object => {
    const get = describe(operation, parameters, idOf(path, suffix), schemas);
    if (operation.method === 'POST') return { post: get };
    if (operation.body === undefined) return { get };
    const requestBody = { content: { 'application/json': { schema: schemas.convert(operation.body) } } };
    return { get, post: { ...get, operationId: `post${idOf(path, suffix)}`, requestBody } };
  };
  const plain: [string, object][] = rest?.required ? [] : [[path, methods([], '')]];
  if (rest === undefined) return plain;
  const { name, description } = rest;
  const parameter = { name, in: 'path', required: true, description, schema: { type: 'string' } };
  const base = path.replace(/\/$/, '');
  return [...plain, [`${base}/{${name}}`, methods([parameter], 'One')]];
}

function describe(
  operation: ServedOperation,
  parameters: readonly object[],
  operationId: string,
  schemas: SchemaCollection,
): object {
  const { summary, plugin, query = {}, method, body, response, contentType = 'application/json' } = operation;
  const { status: success = 200, errors = DEFAULT_ERRORS } = operation;
  const options = Object.entries(query).map(([name, schema]) => {
    const { description, ...rest } = schemas.convert(schema);
    return { name, in: 'query', ...(description !== undefined && { description }), schema: rest };
  });
  const failures: Errors = {
    ...LIMITS,
    ...(body !== undefined && BODY_LIMITS),
    ...(method !== undefined && { 405: `another method than ${method}` }),
    ...errors,
  };
  return {
    operationId,
    summary,
    tags: [plugin],
    parameters: [...parameters, ...options],
    responses: {
      [success]: {
        description: 'what was asked for',
        content: { [contentType]: { schema: schemas.convert(response) } },
      },
      ...Object.fromEntries(Object.entries(failures).map(([status, why]) => [status, failure(why, schemas)])),
    },
  };
}

function failure(error: Errors[number], schemas: SchemaCollection): object {
  if (typeof error === 'object') {
    const { description, response } = error;
    return { description, content: { 'application/json': { schema: schemas.convert(response) } } };
  }
  return {
    description: error,
    content: { 'text/plain': { schema: { type: 'string', description: 'One line: what is wrong.' } } },
  };
}

/** `/api/v2.0/stats` → `ApiV20Stats` */
function idOf(path: string, suffix: string): string {
  const words = path.split('/').map((word) => word.replaceAll(/[^A-Za-z0-9]/g, ''));
  return words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('') + suffix;
}

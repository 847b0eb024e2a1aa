import { operationsV10 } from '../../src/api-versions/v1.0/operations.js';
import { operationsV11 } from '../../src/api-versions/v1.1/operations.js';
import { operationsV12 } from '../../src/api-versions/v1.2/operations.js';
import { operationsV13 } from '../../src/api-versions/v1.3/operations.js';
import { operationsV20 } from '../../src/api-versions/v2.0/operations.js';
import { operationsV21 } from '../../src/api-versions/v2.1/operations.js';
import type { OperationInfo } from '../../src/kernel/contracts/index.js';

/** What each API version says of its request types. */
export const OPERATIONS: Readonly<Record<string, Readonly<Record<string, OperationInfo>>>> = {
  'v1.0': operationsV10,
  'v1.1': operationsV11,
  'v1.2': operationsV12,
  'v1.3': operationsV13,
  'v2.0': operationsV20,
  'v2.1': operationsV21,
};

/** The operation that a request target (without URL prefix) is for. */
export function operationOf(target: string): OperationInfo | undefined {
  const [, version = '', type = ''] = /^\/api\/([^/?]+)\/([^/?]+)/.exec(target) ?? [];
  const types = OPERATIONS[version];
  return types !== undefined && Object.hasOwn(types, type) ? types[type] : undefined;
}

/** In what a 200's body departs from its schema, members nobody described included; '' when in nothing. */
export function violation({ response }: OperationInfo, body: string): string {
  const result = response.safeParse(JSON.parse(body));
  if (result.success) return '';
  return result.error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.join('.')}: ${issue.message} ${JSON.stringify(issue).slice(0, 300)}`)
    .join('; ');
}

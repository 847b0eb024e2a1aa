import { z } from '../../../kernel/contracts/index.js';

const integer = (format: string, minimum?: number): z.ZodNumber => {
  const number = minimum === undefined ? z.number() : z.number().min(minimum);
  return number.refine(Number.isInteger, { error: 'expected an integer' }).meta({ format }) as z.ZodNumber;
};

/** An unsigned integer of 64 bits; above 2^53 a double only holds the nearest number. */
export const u64 = integer('uint64', 0);
export const i64 = integer('int64');
/** RFC 3339, UTC, up to nine digits after the second. */
export const time = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/)
  .meta({ format: 'date-time' });

/** The shape of an object whose members are of one type. */
export function shapeOf<const K extends string, T extends z.ZodType>(keys: readonly K[], type: T): Record<K, T> {
  return Object.fromEntries(keys.map((key) => [key, type])) as Record<K, T>;
}

export const numbers = <const K extends string>(keys: readonly K[]) => shapeOf(keys, u64);
export const optionalNumbers = <const K extends string>(keys: readonly K[]) => shapeOf(keys, u64.optional());

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

type Numbers<K extends string> = Record<K, typeof u64>;

/** The shape of an object of unsigned integers. */
export function numbers<const K extends string>(keys: readonly K[]): Numbers<K> {
  return Object.fromEntries(keys.map((key) => [key, u64])) as Numbers<K>;
}

/** The same where each may be absent. */
export function optionalNumbers<const K extends string>(keys: readonly K[]): Record<K, z.ZodOptional<typeof u64>> {
  return Object.fromEntries(keys.map((key) => [key, u64.optional()])) as Record<K, z.ZodOptional<typeof u64>>;
}

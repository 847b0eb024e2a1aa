import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const key = randomBytes(32);

/** A keyed hash that only this process can compute. */
export function fingerprint(text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

/** Compares two texts in a time that does not depend on where they differ. */
export function equalInConstantTime(a: string, b: string): boolean {
  return timingSafeEqual(fingerprint(a), fingerprint(b));
}

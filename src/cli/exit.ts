/** Exit statuses, after sysexits.h, by which service managers distinguish configuration errors from crashes. */
export const EXIT = { ok: 0, failure: 1, output: 74, config: 78 } as const;

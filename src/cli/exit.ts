// A file of its own: main.ts loads it before the bundle, and must load no other module.

/** Exit statuses, after sysexits.h, by which service managers distinguish configuration errors from crashes. */
export const EXIT = { ok: 0, failure: 1, output: 74, config: 78 } as const;

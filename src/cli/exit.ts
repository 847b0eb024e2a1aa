/** Exit statuses, after sysexits.h: service managers tell a wrong configuration from a crash by them. */
export const EXIT = { ok: 0, failure: 1, output: 74, config: 78 } as const;

/** An attack that has not failed or been endured by then has hung the agent: it takes seconds, on a busy machine a minute. */
export const LIMIT_MS = 180_000;

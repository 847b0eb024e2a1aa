/** Runs a command and keeps its status. */
export type Perform = (command: () => Promise<number>) => Promise<void>;

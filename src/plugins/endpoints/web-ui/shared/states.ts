import type { Facts } from '../../../../client/top/index.js';

const EXIT_CODES: Readonly<Record<number, string>> = {
  125: 'the engine could not start it',
  126: 'its command cannot be executed',
  127: 'its command was not found',
  130: 'interrupted',
  134: 'aborted',
  137: 'killed',
  139: 'crashed: invalid memory reference',
  143: 'terminated',
};

/** What events say happened to a container. */
export const EVENT_WORDS = {
  containerCreation: 'appeared',
  containerDeletion: 'ended',
  oom: 'out of memory',
  oomKill: 'process killed for lack of memory',
} as const;

export type StateLevel = 'good' | 'warn' | 'bad' | 'off';

/** The state of a container in few words, and how good it is. */
export function stateOf({ state, health, exit_code, oom_killed }: Facts): { text: string; level: StateLevel } {
  if (state === 'running') {
    if (health === 'unhealthy') return { text: 'unhealthy', level: 'bad' };
    return { text: health ?? state, level: health === 'starting' ? 'warn' : 'good' };
  }
  if (oom_killed === true) return { text: 'killed for lack of memory', level: 'bad' };
  if (state === 'exited' || state === 'dead') {
    if (exit_code === undefined) return { text: state, level: state === 'dead' ? 'bad' : 'off' };
    const meaning = EXIT_CODES[exit_code];
    return {
      text: `${state}, code ${exit_code}${meaning === undefined ? '' : `: ${meaning}`}`,
      level: exit_code === 0 ? 'off' : 'bad',
    };
  }
  return { text: state, level: state === 'restarting' ? 'warn' : 'off' };
}

/** `12 min ago` @param ms age */
export function ago(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds} s ago`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min ago`;
  const hours = Math.round(minutes / 60);
  return hours < 36 ? `${hours} h ago` : `${Math.round(hours / 24)} days ago`;
}

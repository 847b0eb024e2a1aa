import type { ContainerDescription, ContainerHandler, Identification } from '../../kernel/contracts/index.js';
import type { TestContextOptions } from '../context.js';
import { type Check, type CheckSetup, Problems } from './check.js';
import { make, start, stop } from './life.js';

const VERDICTS = ['pass', 'ignore', 'pending', 'accept'];
const MODES = ['own', 'host', 'shared', 'none'];
const STATES = ['created', 'running', 'paused', 'restarting', 'exited', 'dead'];
const ID = 'f'.repeat(64);

/** Usual and unusual cgroup paths. */
const PATHS = [
  '/',
  '/init.scope',
  '/user.slice/user-1000.slice/session-2.scope',
  '/system.slice/cron.service',
  `/docker/${ID}`,
  `/system.slice/docker-${ID}.scope`,
  `/machine.slice/libpod-${ID}.scope/container`,
  `/kubepods/besteffort/pod12345/${ID}`,
  '/a b/ü/\\x2d',
  '/..',
  '/__proto__/constructor',
  `/${'deep/'.repeat(200)}end`,
];

/** Checks of a container handler: its answers about paths, before and after its start. */
export function containerHandlerChecks(setup: CheckSetup, services: TestContextOptions): Check[] {
  return [
    {
      name: 'answers for every path',
      run: async () => {
        const made = make(setup, services);
        const handler = made.instance as ContainerHandler;
        const problems = new Problems();
        const ask = () => {
          for (const path of PATHS)
            checkAnswer(
              path,
              problems.attempt('identify', () => handler.identify(path)),
              problems,
            );
        };
        try {
          ask();
          await start(made);
          ask();
          problems.attempt('runtime', () => handler.runtime?.());
          problems.attempt('departed', () => handler.departed?.());
        } finally {
          await stop(made);
        }
        ask();
        return problems.list();
      },
    },
  ];
}

function checkAnswer(path: string, answer: Identification | undefined, problems: Problems): void {
  if (answer === undefined) return;
  const { verdict } = answer;
  if (!VERDICTS.includes(verdict)) problems.add(`identify(${path.slice(0, 60)}) answers ${JSON.stringify(answer)}`);
  if ((verdict === 'ignore' || verdict === 'pending') && !answer.reason) problems.add(`"${verdict}" gives no reason`);
  if (verdict === 'accept') checkDescription(answer.description, problems);
}

function checkDescription(description: ContainerDescription, problems: Problems): void {
  const { aliases, labels, envs, namespace, networkMode, state } = description;
  if (!Array.isArray(aliases)) problems.add('a description has no list of aliases');
  if (typeof labels !== 'object' || typeof envs !== 'object') problems.add('a description has no labels or envs');
  if (aliases?.length > 0 && namespace === undefined) problems.add('a description has aliases and no namespace');
  if (!MODES.includes(networkMode)) problems.add(`networkMode is none of ${MODES.join(', ')}`);
  if (!STATES.includes(state?.status)) problems.add(`state.status is none of ${STATES.join(', ')}`);
}

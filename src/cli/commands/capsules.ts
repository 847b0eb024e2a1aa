import { join } from 'node:path';
import { CapsuleStore } from '../../kernel/capsules/index.js';
import { TallymanError, type z } from '../../kernel/contracts/index.js';
import { stateDirectory } from '../../kernel/service/index.js';
import { capsuleJson } from '../../plugins/endpoints/capsules/index.js';
import type { capsule, listing } from '../../plugins/endpoints/capsules/schema.js';
import {
  ask,
  localTarget,
  nameOf,
  pathOfContainer,
  requireTarget,
  routeOf,
  type Target,
  textOf,
} from '../agent-client/index.js';
import { aligned } from '../aligned.js';
import type { CliEnvironment } from '../environment.js';
import type { AnswerFlags, AskFlags } from '../flags.js';

const ROUTE = '/api/capsules';
const CREATED = 201;

/** An element of `/api/capsules`, as far as the table shows it. */
type ListedCapsule = Pick<z.output<typeof capsule>, 'id' | 'label' | 'created_at' | 'bytes'> & {
  readonly reasons: readonly { readonly kind: string; readonly text: string }[];
};

/** Lists the capsules of the agent, or without one those in its directory on this host. */
export async function listCapsules(cli: CliEnvironment, flags: AnswerFlags): Promise<void> {
  const target = localTarget(flags, cli);
  const capsules = target === undefined ? await capsulesOfHost(cli) : await capsulesOf(target, flags, cli);
  cli.out(flags.json === true ? `${JSON.stringify(capsules, undefined, 2)}\n` : tableOf(capsules));
}

async function capsulesOf(target: Target, flags: AnswerFlags, cli: CliEnvironment): Promise<ListedCapsule[]> {
  const answer = await textOf(routeOf(target, ROUTE), flags, cli);
  return (JSON.parse(answer) as z.output<typeof listing>).capsules;
}

export async function record(cli: CliEnvironment, flags: AskFlags, container: string): Promise<void> {
  const target = requireTarget(flags, cli);
  const route = pathOfContainer('/api/record', container);
  const { status, text } = await ask(routeOf(target, route), flags, cli, 'POST');
  if (status !== CREATED) throw new TallymanError(`${nameOf(target)} answers ${status}: ${text.trim()}`);
  cli.out(`${(JSON.parse(text) as ListedCapsule).id}\n`);
}

/** Where agents of this user keep capsules, unless their configuration says otherwise. */
export function capsuleDirectory({ env }: CliEnvironment): string | undefined {
  const state = stateDirectory(env);
  return state && join(state, 'capsules');
}

async function capsulesOfHost(cli: CliEnvironment): Promise<ListedCapsule[]> {
  const directory = capsuleDirectory(cli);
  if (directory === undefined) return [];
  const warn = (text: string) => cli.error(`tallyman: ${text}\n`);
  const bounds = { count: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY, age: Number.POSITIVE_INFINITY };
  const store = new CapsuleStore(directory, () => bounds, { warn });
  await store.open(false);
  return store.list().map(capsuleJson);
}

function tableOf(capsules: readonly ListedCapsule[]): string {
  if (capsules.length === 0) return 'There are no capsules.\n';
  const rows = capsules.map(({ id, label, created_at, reasons, bytes }) => [
    created_at.replace('T', ' ').slice(0, 19),
    label,
    reasons.map(({ kind, text }) => (kind === 'exit' ? text : kind)).join(', '),
    `${Math.ceil(bytes / 1024)} KiB`,
    id,
  ]);
  const lines = aligned([['TIME (UTC)', 'CONTAINER', 'REASON', 'SIZE', 'ID'], ...rows]);
  return `${lines.join('\n')}\n`;
}

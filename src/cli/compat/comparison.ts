import { setTimeout as pause } from 'node:timers/promises';
import { type Answered, compare } from './compare.js';
import type { Difference } from './leaves.js';
import {
  type Cost,
  compareScrapes,
  costOf,
  type MetricsDifference,
  missingForDashboards,
  readScrape,
  type Scrape,
} from './metrics.js';
import { purposeOf } from './purposes.js';
import { type ComparedContainer, chooseContainers, questionsAbout } from './questions.js';

/** Sends a request to one of the agents. @throws when it does not answer */
export type Ask = (target: string) => Promise<Answered>;

export interface ComparisonOptions {
  readonly containers: number;
  /** Maximum requests per second to each agent. */
  readonly rate: number;
}

/** A difference between the answers to a request. */
export interface Differing extends Difference {
  readonly question: string;
}

/** As `--json` prints it. */
export interface Comparison {
  /** Number of requests to each agent. */
  readonly questions: number;
  /** Number of requests with equal answers. */
  readonly agree: number;
  /** Differences on purpose, by the entry of docs/compatibility.md that explains them. */
  readonly onPurpose: readonly { readonly row: string; readonly count: number; readonly example: Differing }[];
  /** Other differences. */
  readonly differ: readonly (Differing | ({ readonly question: '/metrics' } & MetricsDifference))[];
  /** Metrics of widespread dashboards that the old agent has and the new one lacks. */
  readonly missingForDashboards: readonly string[];
  readonly cost: { readonly old: Cost; readonly new: Cost };
}

/** Differing answers are requested again, because some differences are due to timing. */
const ATTEMPTS = 3;
const INVENTORY = '/api/v2.0/spec/?recursive=true';

/** Compares the answers of both agents to the same requests. @throws when one of them cannot be asked */
export async function compareAgents(old: Ask, current: Ask, options: ComparisonOptions): Promise<Comparison> {
  const started = performance.now();
  const scrapes = { old: [await scrape(old)], new: [await scrape(current)] };
  const [known, currentNames] = [await inventory(old), new Set((await inventory(current)).map(({ name }) => name))];
  const shared = known.filter(({ name }) => currentNames.has(name));
  const engineContainers = shared.filter(({ namespace }) => namespace === 'docker').length;
  const questions = questionsAbout(chooseContainers(shared, options.containers), engineContainers);
  const found: Differing[] = [];
  let agree = 0;
  for (const question of questions) {
    await pause(1000 / options.rate);
    const differences = await persistent(question, old, current, options.rate);
    if (differences.length === 0) agree++;
    found.push(...differences.map((each) => ({ question, ...each })));
  }
  scrapes.old.push(await scrape(old));
  scrapes.new.push(await scrape(current));
  const elapsed = (performance.now() - started) / 1000;
  const names = new Set(shared.map(({ name }) => name));
  const metrics = compareScrapes(scrapes.old[1]!, scrapes.new[1]!, (id) => names.has(id));
  const { onPurpose, differ } = grouped(found);
  return {
    questions: questions.length,
    agree,
    onPurpose,
    differ: [...differ, ...metrics.map((each) => ({ question: '/metrics' as const, ...each }))],
    missingForDashboards: missingForDashboards(scrapes.old[1]!, scrapes.new[1]!),
    cost: { old: costOf(scrapes.old, elapsed), new: costOf(scrapes.new, elapsed) },
  };
}

/** Differences that every attempt shows. The old agent is asked last, so that its samples surround the new agent's. */
async function persistent(question: string, old: Ask, current: Ask, rate: number): Promise<Difference[]> {
  let differences: Difference[] = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (attempt > 0) await pause(1000 / rate);
    const after = await current(question);
    const seen = compare(await old(question), after);
    const again = new Set(seen.map(({ kind, path }) => `${kind} ${path}`));
    differences = attempt === 0 ? seen : differences.filter(({ kind, path }) => again.has(`${kind} ${path}`));
    const isExplained = differences.every((each) => purposeOf(each, question) !== undefined);
    if (differences.length === 0 || (isExplained && attempt > 0)) break;
  }
  return differences;
}

function grouped(found: readonly Differing[]) {
  const rows = new Map<string, { row: string; count: number; example: Differing }>();
  const differ: Differing[] = [];
  for (const each of found) {
    const row = purposeOf(each, each.question);
    const known = row === undefined ? undefined : rows.get(row);
    if (row === undefined) differ.push(each);
    else if (known === undefined) rows.set(row, { row, count: 1, example: each });
    else known.count++;
  }
  return { onPurpose: [...rows.values()], differ };
}

async function scrape(ask: Ask): Promise<Scrape> {
  const started = performance.now();
  const { status, body } = await ask('/metrics');
  if (status !== 200) throw new Error(`/metrics answers ${status}`);
  return readScrape(body, (performance.now() - started) / 1000);
}

async function inventory(ask: Ask): Promise<ComparedContainer[]> {
  const { status, body } = await ask(INVENTORY);
  if (status !== 200) throw new Error(`${INVENTORY} answers ${status}`);
  const specs = JSON.parse(body) as Record<string, { namespace?: string; aliases?: string[] | null }>;
  const names = Object.keys(specs).sort();
  return names.map((name) => ({
    name,
    namespace: specs[name]!.namespace ?? '',
    aliases: specs[name]!.aliases ?? [],
    below: names.filter((other) => other !== name && other.startsWith(name === '/' ? '/' : `${name}/`)).length,
  }));
}

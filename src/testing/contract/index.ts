import type { AppContainer, Plugin } from '../../kernel/contracts/index.js';
import { checkPlugin } from '../../kernel/plugins/index.js';
import type { TestContextOptions } from '../context.js';
import { SimulatedHost } from '../simulated-host.js';
import { TestAgent } from '../test-agent.js';
import { appMetricsChecks } from './app-metrics.js';
import { type Check, type CheckSetup, type ContractFinding, describe, Problems } from './check.js';
import { containerHandlerChecks } from './container-handler.js';
import { lifeChecks } from './life.js';
import { metricSourceChecks } from './metric-source.js';
import { requestChecks } from './requests.js';
import { shapeChecks } from './shape.js';
import { sinkChecks } from './sink.js';

export type { ContractFinding } from './check.js';

export interface ContractOptions {
  /** The `with` block to check the plugin with; default `{}`. */
  readonly with?: Readonly<Record<string, unknown>>;
  /** Containers in which an app-metrics plugin has targets. */
  readonly containers?: readonly AppContainer[];
  /** Called with the name of each check before it runs. */
  readonly onCheck?: (name: string) => void;
  readonly onFinding?: (finding: ContractFinding) => void;
}

/**
 * Checks that a plugin keeps the contract: says what it is and what its options mean, starts and stops without leaving
 * anything behind, survives what goes wrong around it. Runs it on a simulated host; nothing of this machine is touched.
 * @param module the plugin, or the module that exports it
 * @returns what was looked at; a plugin that is well has no `problems`
 */
export async function checkContract(module: unknown, options: ContractOptions = {}): Promise<ContractFinding[]> {
  const report = new Reporter(options);
  const given = options.with ?? {};
  let plugin: Plugin | undefined;
  await report.make({
    name: 'is a plugin',
    run: () => {
      plugin = checkPlugin(module, nameOf(module));
      return [];
    },
  });
  if (plugin === undefined) return report.findings;
  await report.makeAll(shapeChecks(plugin, given));
  const parsed = plugin.configSchema.safeParse(given);
  if (!parsed.success) {
    report.add({ check: 'accepts its options', problems: [`${JSON.stringify(given)}: ${parsed.error.message}`] });
    return report.findings;
  }
  await checkInstance({ plugin, options: parsed.data }, options, report);
  return report.findings;
}

function nameOf(module: unknown): string {
  const { name } = (module ?? {}) as { name?: unknown };
  return typeof name === 'string' ? name : 'under test';
}

async function checkInstance(
  setup: CheckSetup,
  { with: given = {}, containers = [] }: ContractOptions,
  report: Reporter,
): Promise<void> {
  const host = simulatedHost();
  const serves = setup.plugin.kind === 'api-version' || setup.plugin.kind === 'endpoint';
  const tested = serves ? [{ plugin: setup.plugin, with: given }] : [];
  let agent: TestAgent | undefined;
  const strays = new Problems();
  const unhandled = (error: unknown) => strays.add(`nobody caught ${describe(error)}`);
  process.on('unhandledRejection', unhandled);
  process.on('uncaughtException', unhandled);
  try {
    agent = await TestAgent.start({ root: host.root, plugins: tested });
    const services = { agent: agent.view, linux: host.linux };
    await report.makeAll(lifeChecks(setup, services));
    await report.makeAll(kindChecks(setup, services, agent, containers));
    await report.make({ name: 'lets no error escape', run: () => strays.list() });
  } finally {
    await agent?.stop();
    process.off('unhandledRejection', unhandled);
    process.off('uncaughtException', unhandled);
    host.remove();
  }
}

/** A host with the machine, a service, and a container. */
function simulatedHost(): SimulatedHost {
  const host = new SimulatedHost(2);
  for (const name of ['/', '/system.slice/web.service', `/docker/${'a'.repeat(64)}`]) {
    host.writeCgroup(name, 'memory', {
      'cgroup.procs': '',
      'memory.current': '8192\n',
      'memory.stat': 'anon 4096\nfile 2048\n',
      'cpu.stat': 'usage_usec 1000\nuser_usec 600\nsystem_usec 400\n',
    });
  }
  return host;
}

function kindChecks(
  setup: CheckSetup,
  services: TestContextOptions,
  agent: TestAgent,
  containers: readonly AppContainer[],
): Check[] {
  switch (setup.plugin.kind) {
    case 'metric-source':
      return metricSourceChecks(setup);
    case 'container-handler':
      return containerHandlerChecks(setup, services);
    case 'api-version':
    case 'endpoint':
      return requestChecks(setup, agent);
    case 'app-metrics':
      return appMetricsChecks(setup, services, containers);
    case 'sink':
      return sinkChecks(setup, services);
  }
}

class Reporter {
  readonly findings: ContractFinding[] = [];

  constructor(private readonly options: ContractOptions) {}

  add(finding: ContractFinding): void {
    this.findings.push(finding);
    this.options.onFinding?.(finding);
  }

  async makeAll(checks: readonly Check[]): Promise<void> {
    for (const check of checks) await this.make(check);
  }

  async make({ name, run }: Check): Promise<void> {
    this.options.onCheck?.(name);
    this.add({ check: name, ...(await outcomeOf(run)) });
  }
}

async function outcomeOf(run: Check['run']): Promise<Omit<ContractFinding, 'check'>> {
  try {
    const outcome = await run();
    return 'problems' in outcome ? outcome : { problems: outcome };
  } catch (error) {
    return { problems: [describe(error)] };
  }
}

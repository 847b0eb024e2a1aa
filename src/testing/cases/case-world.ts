import { appContainer } from '../../kernel/app-metrics/index.js';
import type { AppContainer } from '../../kernel/contracts/index.js';
import type { TestedPlugin } from '../agent-config.js';
import { HttpTarget, type TargetAnswer } from '../http-target.js';
import { LineTarget } from '../line-target.js';
import { RAW, SimulatedHost } from '../simulated-host.js';
import { TestAgent } from '../test-agent.js';
import { caseNames, readCase, type TestCase } from './case-file.js';

/** The simulated host and servers of a case. */
export class CaseWorld {
  readonly host: SimulatedHost;
  readonly http = new Map<number, HttpTarget>();
  readonly lines = new Map<number, LineTarget>();
  readonly realPort: RealPort = (port) => (this.http.get(port) ?? this.lines.get(port))?.port;

  private constructor(readonly testCase: TestCase) {
    this.host = new SimulatedHost(testCase.cgroup);
  }

  static async create(testCase: TestCase): Promise<CaseWorld> {
    const world = new CaseWorld(testCase);
    for (const [path, content] of Object.entries(testCase.files)) world.host.write({ [path]: testCase.text(content) });
    for (const [port, answers] of Object.entries(testCase.http)) {
      world.http.set(Number(port), await HttpTarget.start(world.answers(answers)));
    }
    for (const [port, answers] of Object.entries(testCase.lines)) {
      const texts = Object.entries(answers).map(([line, content]) => [line, testCase.text(content)]);
      world.lines.set(Number(port), await LineTarget.start(Object.fromEntries(texts)));
    }
    return world;
  }

  /** An agent on the case's host. */
  startAgent(plugins: readonly TestedPlugin[] = []): Promise<TestAgent> {
    return TestAgent.start({ root: this.host.root, config: this.testCase.agent, plugins });
  }

  options(): Readonly<Record<string, unknown>> {
    return filled(this.testCase.with, this.realPort);
  }

  containers(): CaseContainer[] {
    return containersOf(this.testCase, this.realPort);
  }

  async remove(): Promise<void> {
    for (const target of [...this.http.values(), ...this.lines.values()]) await target.stop();
    this.host.remove();
  }

  private answers(answers: TestCase['http'][string]): Record<string, TargetAnswer> {
    const text = this.testCase.text;
    return Object.fromEntries(
      Object.entries(answers).map(([path, answer]): [string, TargetAnswer] => {
        if (typeof answer === 'string' || 'from' in answer) return [path, text(answer)];
        return [path, { ...answer, body: text(answer.body) }];
      }),
    );
  }
}

/** The actual port of a case's server. */
type RealPort = (port: number) => number | undefined;

/** A container of a case as a handler would describe it. */
type CaseContainer = Pick<AppContainer, 'name' | 'description'>;

function containersOf(testCase: TestCase, realPort: RealPort): CaseContainer[] {
  return testCase.containers.map(({ name, ...given }) => {
    const known = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    return { name, description: { ...RAW, ...filled(known, realPort) } };
  });
}

/**
 * The setup for contract checks from the cases of a plugin: valid options (those of the first case), and
 * containers for which it has targets.
 * @param folder the plugin's
 */
export function contractSetup(folder: string): {
  readonly with: Readonly<Record<string, unknown>>;
  readonly containers: readonly AppContainer[];
} {
  const cases = caseNames(folder).map((name) => readCase(folder, name));
  const itself: RealPort = (port) => port;
  return {
    with: filled(cases[0]?.with ?? {}, itself),
    containers: cases.flatMap((testCase) =>
      containersOf(testCase, itself).map(({ name, description }) => appContainer(name, description)),
    ),
  };
}

/** A part of a case with `${port.80}` replaced by the actual port of the case's server on port 80. */
function filled<T>(value: T, realPort: RealPort): T {
  const text = JSON.stringify(value).replace(/\$\{port\.(\d+)\}/g, (all, port: string) =>
    String(realPort(Number(port)) ?? all),
  );
  return JSON.parse(text) as T;
}

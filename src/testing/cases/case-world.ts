import type { TestedPlugin } from '../agent-config.js';
import { HttpTarget, type TargetAnswer } from '../http-target.js';
import { LineTarget } from '../line-target.js';
import { SimulatedHost } from '../simulated-host.js';
import { TestAgent } from '../test-agent.js';
import { type CaseContainer, containersOf, optionsOf } from './case-content.js';
import type { TestCase } from './case-file.js';

/** The simulated host and servers of a case. */
export class CaseWorld {
  readonly host: SimulatedHost;
  readonly http = new Map<number, HttpTarget>();
  readonly lines = new Map<number, LineTarget>();

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
    return optionsOf(this.testCase, (port) => this.realPort(port));
  }

  containers(): CaseContainer[] {
    return containersOf(this.testCase, (port) => this.realPort(port));
  }

  realPort(port: number): number | undefined {
    return (this.http.get(port) ?? this.lines.get(port))?.port;
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

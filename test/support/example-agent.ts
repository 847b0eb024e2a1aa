import { join } from 'node:path';
import { stringify } from 'yaml';
import { projectRoot } from '../project.js';
import { AgentProcess } from './agent-process.js';

interface Setup {
  /** The module in the folder of the example. */
  readonly module?: string;
  /** Its options. */
  readonly options?: object;
  readonly isolate?: boolean;
  readonly housekeeping?: object;
  /** Further entries of the list of plugins. */
  readonly others?: readonly object[];
  /** Environment variables of the agent. */
  readonly env?: Record<string, string>;
}

const QUICK = { interval: '500ms', dynamic: false };

/** Where an example is. */
export function exampleFolder(name: string): string {
  return join(projectRoot, 'plugins-examples', name);
}

/** The configuration of an agent that knows no engine, only cgroups with these names, and an example. */
export function exampleConfig(example: string, names: readonly string[], setup: Omit<Setup, 'env'> = {}): string {
  const { module = 'index.js', options, isolate, housekeeping = QUICK, others = [] } = setup;
  const plugin = { use: join(exampleFolder(example), module), onError: 'fail', isolate, with: options };
  return stringify({
    housekeeping,
    plugins: [
      { use: 'docker', enabled: false },
      { use: 'podman', enabled: false },
      { use: 'raw', with: { include: names } },
      plugin,
      ...others,
    ],
  });
}

/** Starts an agent with that configuration. It does not start when the example does not. */
export function startExample(example: string, names: readonly string[], setup: Setup = {}): Promise<AgentProcess> {
  return AgentProcess.start(exampleConfig(example, names, setup), ['--port', '0'], setup.env);
}

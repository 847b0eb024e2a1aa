import type { AgentView, ApiRequest, ProcessInfo, RequestOptions } from '../../kernel/contracts/index.js';
import { explain } from '../v1.0/index.js';
import { selectContainer } from './selection.js';

/** The processes of a container: for `/` all, each with its container; for others those directly in it. */
export async function listProcesses(
  agent: AgentView,
  request: ApiRequest,
  options: RequestOptions,
): Promise<readonly ProcessInfo[]> {
  const { name } = explain('process listing failed', () => selectContainer(agent, request.containerName, options));
  const all = await agent.host.processes();
  if (name === '/') return all;
  return all.filter((process) => process.cgroup_path === name).map((process) => ({ ...process, cgroup_path: '' }));
}

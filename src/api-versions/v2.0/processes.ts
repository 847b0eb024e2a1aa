import {
  type AgentView,
  type ApiRequest,
  type ContainerView,
  isRequestError,
  type ProcessInfo,
  RequestError,
  type RequestOptions,
} from '../../kernel/contracts/index.js';
import { selectContainer } from './selection.js';

/** The processes of a container: for `/` all, each with its container; for others those directly in it. */
export async function listProcesses(agent: AgentView, request: ApiRequest, options: RequestOptions) {
  const { name } = theContainer(agent, request, options);
  const all = await agent.host.processes();
  if (name === '/') return all.map((process) => processJson(process, process.cgroup_path));
  return all.filter((process) => process.cgroup_path === name).map((process) => processJson(process, ''));
}

function theContainer(agent: AgentView, request: ApiRequest, options: RequestOptions): ContainerView {
  try {
    return selectContainer(agent, request.containerName, options);
  } catch (error) {
    if (!isRequestError(error)) throw error;
    throw new RequestError(error.status, `process listing failed: ${error.message}`);
  }
}

function processJson(process: ProcessInfo, cgroupPath: string) {
  return {
    user: process.user,
    pid: process.pid,
    parent_pid: process.parent_pid,
    start_time: process.start_time,
    percent_cpu: process.percent_cpu,
    percent_mem: process.percent_mem,
    rss: process.rss,
    virtual_size: process.virtual_size,
    status: process.status,
    running_time: process.running_time,
    cgroup_path: cgroupPath,
    cmd: process.cmd,
    fd_count: process.fd_count,
    psr: process.psr,
  };
}

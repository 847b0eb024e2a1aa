import {
  type AgentView,
  type Answer,
  definePlugin,
  type EngineReport,
  type EngineUsage,
  type OperationInfo,
  PLUGIN_API_VERSION,
} from '../../../kernel/contracts/index.js';
import { jsonAnswer, timeText } from '../common/index.js';

function reportJson({ runtime, endpoint, askedAt, info, reason }: EngineReport, usage: EngineUsage | undefined) {
  const disk_usage = usage && usageJson(usage);
  if (info === undefined) return { runtime, endpoint, reason: reason ?? 'it said nothing of itself', disk_usage };
  return {
    runtime,
    endpoint,
    asked_at: timeText(askedAt ?? 0),
    version: info.version,
    api_version: info.apiVersion,
    kernel_version: info.kernelVersion,
    os: info.os,
    hostname: info.hostname,
    root_dir: info.rootDirectory,
    driver: info.storageDriver,
    driver_status: Object.fromEntries(info.storageStatus.map(({ name, value }) => [name, value])),
    cgroup_driver: info.cgroupDriver,
    num_images: info.images.length,
    num_containers: info.containers.total,
    containers: info.containers,
    images: info.images.map(({ id, tags, createdAt, size }) => ({
      id,
      repo_tags: tags,
      created: timeText(createdAt),
      size,
    })),
    disk_usage,
  };
}

/** Absent sizes are left out. */
function usageJson({ askedAt, imagesBytes, images, volumes }: EngineUsage) {
  return {
    asked_at: timeText(askedAt),
    images_size: imagesBytes,
    images: images.map(({ id, tags, bytes, sharedBytes }) => ({
      id,
      repo_tags: tags,
      size: bytes,
      shared_size: sharedBytes,
    })),
    volumes: volumes.map(({ name, bytes, containers }) => ({ name, size: bytes, num_containers: containers })),
  };
}

async function answer(agent: AgentView): Promise<Answer> {
  const reports = await agent.engines();
  const usages = agent.engineUsage();
  const usageOf = ({ runtime, endpoint }: EngineReport) =>
    usages.find((usage) => usage.runtime === runtime && usage.endpoint === endpoint);
  return jsonAnswer(reports.map((report) => reportJson(report, usageOf(report))));
}

async function operations(): Promise<Record<string, OperationInfo>> {
  const { engines } = await import('./schema.js');
  return {
    '/api/engines': { summary: 'What the container engines say of themselves.', response: engines, errors: {} },
  };
}

export default definePlugin({
  kind: 'endpoint',
  name: 'engines',
  apiVersion: PLUGIN_API_VERSION,
  description: 'What the container engines say of themselves: versions, storage driver, counts, images.',
  create: ({ agent }) => ({ routes: { '/api/engines': () => answer(agent) }, operations }),
});

import {
  definePlugin,
  type OperationInfo,
  PLUGIN_API_VERSION,
  type PluginStatus,
  type SinkStatus,
} from '../../../kernel/contracts/index.js';
import { jsonAnswer, timeText } from '../common/index.js';

function statusJson(status: PluginStatus) {
  const { id, kind, name, version, source, state, up, errors, calls, busyMs, isolation, blocked, sink } = status;
  return {
    id,
    kind,
    name,
    version,
    source,
    state,
    up,
    errors,
    last_error: status.lastError,
    last_error_at: timeOrNone(status.lastErrorAt),
    last_success_at: timeOrNone(status.lastSuccessAt),
    calls,
    busy_ms: Math.round(busyMs * 1000) / 1000,
    blocked: blocked && {
      count: blocked.count,
      total_ms: Math.round(blocked.totalMs),
      longest_ms: Math.round(blocked.longestMs),
      last_ms: Math.round(blocked.last.ms),
      last_in: blocked.last.what,
      last_at: timeText(blocked.last.at),
    },
    isolation: isolation && { pid: isolation.pid, restarts: isolation.restarts, memory_bytes: isolation.memoryBytes },
    sink: sink && sinkJson(sink),
  };
}

function sinkJson({ queue, sent, dropped, retries, attempts, attemptMs, failure, lastSentAt, ...pace }: SinkStatus) {
  return {
    interval_ms: pace.intervalMs,
    stretch: pace.stretch,
    failure,
    queue: {
      points: queue.points,
      batches: queue.batches,
      bytes: queue.bytes,
      max_bytes: queue.maxBytes,
      oldest: timeOrNone(queue.oldest),
      directory: queue.directory,
      disk_error: queue.diskError,
    },
    sent,
    dropped,
    retries,
    requests: attempts,
    request_ms: Math.round(attemptMs),
    last_sent_at: timeOrNone(lastSentAt),
  };
}

function timeOrNone(time: number | undefined): string | undefined {
  return time === undefined ? undefined : timeText(time);
}

async function operations(): Promise<Record<string, OperationInfo>> {
  const { plugins } = await import('./schema.js');
  return {
    '/api/plugins': { summary: 'Every plugin with its state, faults and cost.', response: plugins, errors: {} },
  };
}

export default definePlugin({
  kind: 'endpoint',
  name: 'plugins',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Every plugin with its state, faults and cost, as `tallyman plugins` shows them.',
  create: ({ agent }) => ({
    routes: { '/api/plugins': () => jsonAnswer(agent.plugins().map(statusJson)) },
    operations,
  }),
});

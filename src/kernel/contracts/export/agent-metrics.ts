import type { AgentView } from '../agent-view.js';
import type { BudgetStatus } from '../budget.js';
import type { Finding, PluginStatus } from '../plugin-status.js';
import { memoryUsage } from '../process-memory.js';
import type { SinkStatus } from '../sink-status.js';
import type { MetricType } from './catalogue.js';
import type { PutSeries } from './machine-metrics.js';

/** The agent, its plugins and sinks, and what the doctor found. */
export function agentMetrics(put: PutSeries, agent: AgentView): void {
  const { samples, descriptors, configuration, log, historyBytes, budget } = agent.self();
  const gauge = (name: string, help: string, value: number) => put(`tallyman_${name}`, 'gauge', help, value);
  const counter = (name: string, help: string, value: number) => put(`tallyman_${name}_total`, 'counter', help, value);
  const build = { version: agent.version, node: process.versions.node };
  put('tallyman_build_info', 'gauge', 'Versions of the agent and of Node.js; always 1.', 1, build);
  gauge('containers', 'Containers that are monitored.', agent.containers().length);
  gauge('containers_pending', 'Cgroups that wait for their handler.', agent.pending().length);
  counter('samples', 'Samples taken.', samples.taken);
  counter('samples_idle', 'Samples of idle containers whose files were left unread.', samples.idle);
  counter('samples_missed', 'Samples not taken because the agent was late.', samples.missed);
  const reloads = 'Times that the configuration was read again, by result; a failed one changes nothing.';
  for (const [result, count] of Object.entries(configuration.reloads)) {
    put('tallyman_config_reloads_total', 'counter', reloads, count, { result });
  }
  const isLastGood = 'Whether the last reload of the configuration, if any, succeeded (1) or not (0).';
  gauge('config_last_reload_successful', isLastGood, configuration.lastReloadFailed ? 0 : 1);
  const since = 'Since when the active configuration is active.';
  gauge('config_active_since_timestamp_seconds', since, configuration.activeSince / 1e6);
  gauge('cgroup_files_open', 'Cgroup files that are kept open.', descriptors.kept);
  gauge('cgroup_files_reopened', 'Cgroup files opened for each read, for want of descriptors.', descriptors.reopened);
  counter('log_lines_lost', 'Lines of the log that could not be written.', log.lost);
  counter('log_lines_left_out', 'Lines of the log left out because there were too many.', log.leftOut);
  for (const plugin of agent.plugins()) pluginMetrics(put, plugin);
  memoryMetrics(put, historyBytes);
  if (budget !== undefined) budgetMetrics(put, budget);
  findingMetrics(put, agent.findings());
}

/** Several engines may have the same finding: a series twice is none. */
function findingMetrics(put: PutSeries, findings: readonly Finding[]): void {
  const kinds = new Map(findings.map(({ id, severity }) => [`${id} ${severity}`, { id, severity }]));
  for (const labels of kinds.values()) {
    put('tallyman_finding', 'gauge', 'What `tallyman doctor` finds, one series for each kind; always 1.', 1, labels);
  }
}

function pluginMetrics(series: PutSeries, plugin: PluginStatus): void {
  const labels = { plugin: plugin.id, kind: plugin.kind ?? '' };
  const put = (name: string, type: MetricType, help: string, value: number | undefined): void => {
    if (value !== undefined) series(`tallyman_plugin_${name}`, type, help, value, labels);
  };
  const at = (micros: number | undefined) => micros && micros / 1e6;
  put('up', 'gauge', 'The plugin runs and is not paused after faults (1) or not (0).', plugin.up ? 1 : 0);
  put('calls_total', 'counter', 'Calls into the plugin.', plugin.calls);
  put('duration_seconds_total', 'counter', 'Time spent in calls into the plugin.', plugin.busyMs / 1000);
  const blocked = 'Time in calls of half a second or more, during which everything else waited.';
  put('blocked_seconds_total', 'counter', blocked, (plugin.blocked?.totalMs ?? 0) / 1000);
  put('errors_total', 'counter', 'Faults of the plugin.', plugin.errors);
  put('last_success_timestamp_seconds', 'gauge', 'When a call last went well.', at(plugin.lastSuccessAt));
  put('last_error_timestamp_seconds', 'gauge', 'When a call last failed.', at(plugin.lastErrorAt));
  if (plugin.sink !== undefined) sinkMetrics(series, plugin.id, plugin.sink);
}

function sinkMetrics(series: PutSeries, sink: string, { queue, sent, dropped, ...counts }: SinkStatus): void {
  const put = (name: string, type: MetricType, help: string, value: number, labels = {}): void =>
    series(`tallyman_sink_${name}`, type, help, value, { sink, ...labels });
  const waitedUs = queue.oldest === undefined ? 0 : Date.now() * 1000 - queue.oldest;
  put(
    'up',
    'gauge',
    'The last attempt of the sink to send went well (1) or not (0).',
    counts.failure === undefined ? 1 : 0,
  );
  put(
    'queue_seconds',
    'gauge',
    'Age of the oldest sample that waits to be sent; 0: none waits.',
    Math.max(0, waitedUs / 1e6),
  );
  put('queue_points', 'gauge', 'Data points that wait to be sent.', queue.points);
  put('queue_batches', 'gauge', 'Batches that wait to be sent.', queue.batches);
  put('queue_bytes', 'gauge', 'Bytes of the batches that wait to be sent.', queue.bytes);
  put('queue_limit_bytes', 'gauge', 'Bytes beyond which the oldest batches are dropped.', queue.maxBytes);
  put('sent_total', 'counter', 'Data points that the receiver took.', sent.points);
  put('sent_bytes_total', 'counter', 'Bytes of the batches that the receiver took.', sent.bytes);
  const reasons = { refused: 0, queue_full: 0, ...dropped };
  for (const [reason, points] of Object.entries(reasons)) {
    put('dropped_total', 'counter', 'Data points that were dropped, by reason.', points, { reason });
  }
  put('interval_seconds', 'gauge', 'How often new samples are taken now.', counts.intervalMs / 1000);
  put('retries_total', 'counter', 'Attempts to send that failed and are repeated.', counts.retries);
  put('requests_total', 'counter', 'Attempts to send a batch.', counts.attempts);
  put('request_seconds_total', 'counter', 'Time spent in attempts to send a batch.', counts.attemptMs / 1000);
}

function budgetMetrics(series: PutSeries, { resources, reductions, refusedQueries, changes }: BudgetStatus): void {
  const put = (name: string, type: MetricType, help: string, value: number, labels = {}): void =>
    series(`tallyman_budget_${name}`, type, help, value, labels);
  const unit = 'cpu in CPUs, memory in bytes';
  for (const { resource, used, limit, isExceeded } of resources) {
    put('used', 'gauge', `What the agent uses of a resource that has a budget: ${unit}.`, used, { resource });
    put('limit', 'gauge', `What the agent may use, by its budget or the limits of its cgroup: ${unit}.`, limit, {
      resource,
    });
    const exceeded = 'The agent uses more than its budget although it can do no less (1) or not (0).';
    put('exceeded', 'gauge', exceeded, isExceeded ? 1 : 0, { resource });
  }
  for (const { kind, resource, amount, since } of reductions) {
    const labels = { reduction: kind, resource };
    const help =
      'What the agent does less of: intervals (containers), sinks (that send less often), sets (sources left out), history (share not kept), queries (CPUs they get), descriptors (files opened for each read).';
    put('reduction', 'gauge', help, amount, labels);
    put('reduction_since_timestamp_seconds', 'gauge', 'Since when the agent does less.', since / 1e6, labels);
  }
  put('refused_requests_total', 'counter', 'Requests answered with 503 to keep within the budget.', refusedQueries);
  put('changes_total', 'counter', 'Times that something was reduced or taken back.', changes);
}

function memoryMetrics(put: PutSeries, history: number): void {
  const usage = memoryUsage();
  if (usage === undefined) return;
  const { rss, heapTotal, heapUsed, external, arrayBuffers } = usage;
  const parts = { resident: rss, heap: heapTotal, heap_used: heapUsed, external, array_buffers: arrayBuffers, history };
  const help = 'Memory of the agent by part; the parts overlap: history lies in array_buffers, those in external.';
  for (const [part, bytes] of Object.entries(parts)) {
    put('tallyman_memory_bytes', 'gauge', help, bytes, { part });
  }
}

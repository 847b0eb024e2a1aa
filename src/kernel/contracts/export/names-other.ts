import { counter, gauge, type SampledFamily } from './catalogue.js';

const DIRECTIONS = [
  ['receive', 'rx'],
  ['transmit', 'tx'],
] as const;

/** Network interfaces and sockets. */
const networkFamilies: readonly SampledFamily[] = [
  ...DIRECTIONS.flatMap(([direction, short]) => [
    counter(`network_${direction}_bytes_total`, `network.${short}_bytes`),
    counter(`network_${direction}_packets_total`, `network.${short}_packets`),
    counter(`network_${direction}_packets_dropped_total`, `network.${short}_dropped`),
    counter(`network_${direction}_errors_total`, `network.${short}_errors`),
  ]),
  ...['tcp', 'tcp6'].map((protocol) =>
    gauge(
      `network_${protocol}_usage_total`,
      [{ field: `${protocol}.*`, rest: 'tcp_state' }],
      `Connections over ${protocol === 'tcp' ? 'IPv4' : 'IPv6'}, by state.`,
    ),
  ),
  ...['udp', 'udp6'].map((protocol) =>
    gauge(
      `network_${protocol}_usage_total`,
      [{ field: `${protocol}.*`, rest: 'udp_state' }],
      `Sockets and queued or dropped datagrams over ${protocol === 'udp' ? 'IPv4' : 'IPv6'}.`,
    ),
  ),
  gauge(
    'network_advance_tcp_stats_total',
    [{ field: 'tcp_advanced.*', rest: 'tcp_state' }],
    'Counters of TCP in the network namespace of the container (TcpExt of netstat).',
  ),
];

/** Processes and their limits, out-of-memory kills. */
const processFamilies: readonly SampledFamily[] = [
  gauge('processes', 'processes.process_count'),
  gauge('file_descriptors', 'processes.fd_count'),
  gauge('sockets', 'processes.socket_count'),
  gauge('threads', 'processes.threads_current'),
  gauge('threads_max', 'processes.threads_max'),
  gauge('ulimits_soft', 'processes.ulimit.soft'),
  gauge('ulimits_hard', 'processes.ulimit.hard'),
  counter(
    'oom_events_total',
    'oom.kills',
    'Processes of the container that the kernel killed for lack of memory, earlier runs included.',
  ),
];

export const otherFamilies: readonly SampledFamily[] = [...networkFamilies, ...processFamilies];

import type { Rule, RuleSubject } from '../../../../kernel/contracts/index.js';
import { over, percentText, rounded } from './text.js';

const DROPPED = ['udp.Dropped', 'udp6.Dropped'];
const MIN_LOST_PACKETS = 10;
const MIN_LOST_SHARE = 0.01;
const MIN_RETRANSMITTED = 20;
const MIN_RETRANSMITTED_SHARE = 0.02;

/** Whether the interfaces that its first process sees are its own. */
function hasOwnNetwork({ isHost, description }: RuleSubject): boolean {
  return isHost || description.networkMode === 'own';
}

export const networkErrors: Rule = {
  id: 'network-errors',
  title: 'network errors and drops',
  scope: 'both',
  needs: [{ anyOf: ['network.rx_dropped'], sources: ['network'] }],
  precondition: { anyAboveZero: ['rx_dropped', 'rx_errors', 'tx_dropped', 'tx_errors'].map((of) => `network.${of}`) },
  help:
    'An interface lost 1 % or more of its packets in the last minute to errors or drops (10 packets or more). ' +
    'Containers that use the network of the host or of another container are not judged: the numbers are theirs.',
  judge(subject) {
    if (!hasOwnNetwork(subject)) return undefined;
    const lost = ['received', 'sent'].flatMap((way) => lossesOf(subject, way as 'received' | 'sent'));
    if (lost.length === 0) return undefined;
    const worst = Math.max(...lost.map(({ share }) => share));
    return {
      harm: 40 + 40 * Math.min(1, worst * 4),
      what: `loses packets on ${[...new Set(lost.map(({ name }) => name))].join(', ')}`,
      meaning: 'What is lost is sent again after a pause, or never: connections are slow or break.',
      evidence: lost.map(({ increase, text, values }) => over(increase, text, values)),
      mend: 'Drops: the receiver is too slow, a queue is too short, or the MTUs of the two ends differ. Errors: the link.',
      lines: [{ tool: 'shell', line: networkCommand(subject, 'ip -s -s link') }],
    };
  },
};

function lossesOf(subject: RuleSubject, way: 'received' | 'sent') {
  const prefix = way === 'received' ? 'network.rx' : 'network.tx';
  const of = (field: string) => new Map(subject.increasesOf(`${prefix}_${field}`).map((one) => [one.labels[0]!, one]));
  const [dropped, errors] = [of('dropped'), of('errors')];
  if ([...dropped.values(), ...errors.values()].every(({ by }) => by === 0)) return [];
  const packets = of('packets');
  return [...dropped].flatMap(([name, increase]) => {
    const [failed, passed] = [errors.get(name)?.by ?? 0, packets.get(name)?.by ?? 0];
    const lost = failed + increase.by;
    const share = lost / (lost + passed);
    if (name === 'lo' || lost < MIN_LOST_PACKETS || share < MIN_LOST_SHARE) return [];
    const text = `${name}: ${increase.by} dropped and ${failed} damaged of ${lost + passed} packets ${way} (${percentText(share)})`;
    const values = { dropped_packets: increase.by, damaged_packets: failed, packets: lost + passed };
    return [{ name, share, increase, text, values }];
  });
}

export const tcpRetransmits: Rule = {
  id: 'tcp-retransmits',
  title: 'TCP segments sent again',
  scope: 'both',
  needs: [{ anyOf: ['tcp_advanced.RetransSegs'], sources: ['advtcp'] }],
  precondition: { anyAboveZero: ['tcp_advanced.RetransSegs'] },
  help:
    'In the last minute 2 % or more of the TCP segments had to be sent again (20 segments or more). ' +
    'The loss may be anywhere on the way to the other side.',
  judge(subject) {
    const again = subject.increase('tcp_advanced.RetransSegs');
    if (!hasOwnNetwork(subject) || again === undefined || again.by < MIN_RETRANSMITTED) return undefined;
    const sent = subject.increase('tcp_advanced.OutSegs')?.by ?? 0;
    const share = again.by / Math.max(1, sent + again.by);
    if (share < MIN_RETRANSMITTED_SHARE) return undefined;
    const timeouts = subject.increase('tcp_advanced.TCPTimeouts')?.by ?? 0;
    const text = `${again.by} of ${sent + again.by} segments sent again (${percentText(share)}), ${timeouts} timeouts`;
    return {
      harm: 40 + 30 * Math.min(1, share * 5),
      what: 'sends many TCP segments again',
      meaning: 'Packets are lost on the way: its connections are slow, and stand still at each timeout.',
      evidence: [over(again, text, { retransmitted_segments: again.by, sent_segments: sent, timeouts })],
      mend: 'Find the link that loses packets: the connections with retransmissions say to whom.',
      lines: [{ tool: 'shell', line: networkCommand(subject, 'ss -tin state established') }],
    };
  },
};

export const listenOverflows: Rule = {
  id: 'listen-overflows',
  title: 'connections refused by a full queue',
  scope: 'both',
  needs: [{ anyOf: ['tcp_advanced.ListenOverflows'], sources: ['advtcp'] }],
  precondition: { anyAboveZero: ['tcp_advanced.ListenOverflows'] },
  help: 'A connection or more was dropped in the last minute because the accept queue of a listening socket was full.',
  judge(subject) {
    const overflows = subject.increase('tcp_advanced.ListenOverflows');
    if (!hasOwnNetwork(subject) || overflows === undefined || overflows.by === 0) return undefined;
    const text = `${overflows.by} connections dropped in ${rounded(overflows.seconds)} s`;
    return {
      harm: 60 + 25 * Math.min(1, overflows.by / 100),
      what: 'drops new connections: its accept queue is full',
      meaning: 'It does not accept connections as fast as they come, and clients wait or time out.',
      evidence: [over(overflows, text, { listen_overflows: overflows.by })],
      mend: 'Accept faster (more workers), or raise the backlog of `listen` and net.core.somaxconn.',
      lines: [{ tool: 'shell', line: networkCommand(subject, 'ss -ltn') }],
    };
  },
};

export const udpDrops: Rule = {
  id: 'udp-drops',
  title: 'UDP packets dropped by full sockets',
  scope: 'both',
  needs: [{ anyOf: DROPPED, sources: ['udp'] }],
  precondition: { anyAboveZero: DROPPED },
  help: 'Open UDP sockets dropped 10 packets or more in the last minute because the program did not read them in time.',
  judge(subject) {
    if (!hasOwnNetwork(subject)) return undefined;
    const drops = DROPPED.flatMap((field) => subject.increase(field) ?? []);
    const by = drops.reduce((sum, increase) => sum + increase.by, 0);
    if (by < MIN_LOST_PACKETS) return undefined;
    const text = `${by} packets dropped in ${rounded(drops[0]!.seconds)} s`;
    return {
      harm: 45,
      what: 'drops UDP packets that it does not read in time',
      meaning: 'They are lost for good: UDP does not send again.',
      evidence: [over(drops[0]!, text, { dropped_packets: by })],
      mend: 'Read faster, or raise the receive buffer of the socket and net.core.rmem_max.',
      lines: [{ tool: 'shell', line: networkCommand(subject, 'ss -uamn') }],
    };
  },
};

/** A command that is to run in the network namespace of the container. */
function networkCommand({ description: { pid } }: RuleSubject, command: string): string {
  return pid === undefined ? command : `nsenter --target ${pid} --net ${command}`;
}

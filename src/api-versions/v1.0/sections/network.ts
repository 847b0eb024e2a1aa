import type { Layout } from '../../../kernel/contracts/index.js';
import { membersOf, type RowPrinterBuilder } from '../row-printer.js';

const COUNTERS = [
  'rx_bytes',
  'rx_packets',
  'rx_errors',
  'rx_dropped',
  'tx_bytes',
  'tx_packets',
  'tx_errors',
  'tx_dropped',
];
const TCP_STATES =
  'Established SynSent SynRecv FinWait1 FinWait2 TimeWait Close CloseWait LastAck Listen Closing'.split(' ');
const UDP_NUMBERS = 'Listen Dropped RxQueued TxQueued'.split(' ');
const TCP_ADVANCED = (
  'RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs ' +
  'RetransSegs InErrs OutRsts InCsumErrors EmbryonicRsts SyncookiesSent SyncookiesRecv SyncookiesFailed PruneCalled ' +
  'RcvPruned OfoPruned OutOfWindowIcmps LockDroppedIcmps TW TWRecycled TWKilled TCPTimeWaitOverflow TCPTimeouts ' +
  'TCPSpuriousRTOs TCPLossProbes TCPLossProbeRecovery TCPRenoRecoveryFail TCPSackRecoveryFail TCPRenoFailures ' +
  'TCPSackFailures TCPLossFailures DelayedACKs DelayedACKLocked DelayedACKLost ListenOverflows ListenDrops TCPHPHits ' +
  'TCPPureAcks TCPHPAcks TCPRenoRecovery TCPSackRecovery TCPSACKReneging TCPFACKReorder TCPSACKReorder ' +
  'TCPRenoReorder TCPTSReorder TCPFullUndo TCPPartialUndo TCPDSACKUndo TCPLossUndo TCPFastRetrans ' +
  'TCPSlowStartRetrans TCPLostRetransmit TCPRetransFail TCPRcvCollapsed TCPDSACKOldSent TCPDSACKOfoSent ' +
  'TCPDSACKRecv TCPDSACKOfoRecv TCPAbortOnData TCPAbortOnClose TCPAbortOnMemory TCPAbortOnTimeout TCPAbortOnLinger ' +
  'TCPAbortFailed TCPMemoryPressures TCPMemoryPressuresChrono TCPSACKDiscard TCPDSACKIgnoredOld ' +
  'TCPDSACKIgnoredNoUndo TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure TCPSackShifted TCPSackMerged ' +
  'TCPSackShiftFallback TCPBacklogDrop PFMemallocDrop TCPMinTTLDrop TCPDeferAcceptDrop IPReversePathFilter ' +
  'TCPReqQFullDoCookies TCPReqQFullDrop TCPFastOpenActive TCPFastOpenActiveFail TCPFastOpenPassive ' +
  'TCPFastOpenPassiveFail TCPFastOpenListenOverflow TCPFastOpenCookieReqd TCPSynRetrans TCPOrigDataSent PAWSActive ' +
  'PAWSEstab'
).split(' ');

/** The `network` object of v1: the primary interface inline, then what v2 has. */
export function networkWithPrimary(b: RowPrinterBuilder, layout: Layout): void {
  const received = layout.indexesOf('network.rx_bytes');
  const primary = received.find((column) => layout.columns[column]!.attributes?.primary === 'true') ?? received[0];
  b.text('{');
  interfaceMembers(b, layout, primary);
  b.text(',');
  networkMembers(b, layout);
  b.text('}');
}

/** The `network` object of v2. */
export function network(b: RowPrinterBuilder, layout: Layout): void {
  b.text('{');
  networkMembers(b, layout);
  b.text('}');
}

function networkMembers(b: RowPrinterBuilder, layout: Layout): void {
  const received = layout.indexesOf('network.rx_bytes');
  for (const [index, column] of received.entries()) {
    b.text(index === 0 ? '"interfaces":[{' : ',{');
    interfaceMembers(b, layout, column);
    b.text('}');
  }
  if (received.length > 0) b.text('],');
  for (const [index, table] of ['tcp', 'tcp6'].entries()) {
    b.text(`${index === 0 ? '' : ','}"${table}":{`)
      .members(layout, membersOf(`${table}.`, TCP_STATES))
      .text('}');
  }
  for (const table of ['udp', 'udp6']) {
    b.text(`,"${table}":{`)
      .members(layout, membersOf(`${table}.`, UDP_NUMBERS))
      .text('}');
  }
  b.text(',"tcp_advanced":{').members(layout, membersOf('tcp_advanced.', TCP_ADVANCED)).text('}');
}

/** The counters of the interface whose `rx_bytes` stand in the column; zeros without one. */
function interfaceMembers(b: RowPrinterBuilder, layout: Layout, received: number | undefined): void {
  const name = received === undefined ? '' : (layout.columns[received]!.labels?.[0] ?? '');
  b.text('"name":').string(name);
  for (const counter of COUNTERS) {
    const column = layout
      .indexesOf(`network.${counter}`)
      .find((candidate) => layout.columns[candidate]!.labels?.[0] === name);
    b.text(`,"${counter}":`).integer(column ?? -1);
  }
}

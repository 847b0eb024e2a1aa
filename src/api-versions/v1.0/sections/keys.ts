// The keys of samples in their order, for printers and schemas.

export const INTERFACE_COUNTERS = [
  'rx_bytes',
  'rx_packets',
  'rx_errors',
  'rx_dropped',
  'tx_bytes',
  'tx_packets',
  'tx_errors',
  'tx_dropped',
] as const;
export const TCP_STATES = [
  'Established',
  'SynSent',
  'SynRecv',
  'FinWait1',
  'FinWait2',
  'TimeWait',
  'Close',
  'CloseWait',
  'LastAck',
  'Listen',
  'Closing',
] as const;
export const UDP_NUMBERS = ['Listen', 'Dropped', 'RxQueued', 'TxQueued'] as const;
export const TCP_ADVANCED: readonly string[] = `
  RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs
  RetransSegs InErrs OutRsts InCsumErrors EmbryonicRsts SyncookiesSent SyncookiesRecv SyncookiesFailed PruneCalled
  RcvPruned OfoPruned OutOfWindowIcmps LockDroppedIcmps TW TWRecycled TWKilled TCPTimeWaitOverflow TCPTimeouts
  TCPSpuriousRTOs TCPLossProbes TCPLossProbeRecovery TCPRenoRecoveryFail TCPSackRecoveryFail TCPRenoFailures
  TCPSackFailures TCPLossFailures DelayedACKs DelayedACKLocked DelayedACKLost ListenOverflows ListenDrops TCPHPHits
  TCPPureAcks TCPHPAcks TCPRenoRecovery TCPSackRecovery TCPSACKReneging TCPFACKReorder TCPSACKReorder TCPRenoReorder
  TCPTSReorder TCPFullUndo TCPPartialUndo TCPDSACKUndo TCPLossUndo TCPFastRetrans TCPSlowStartRetrans
  TCPLostRetransmit TCPRetransFail TCPRcvCollapsed TCPDSACKOldSent TCPDSACKOfoSent TCPDSACKRecv TCPDSACKOfoRecv
  TCPAbortOnData TCPAbortOnClose TCPAbortOnMemory TCPAbortOnTimeout TCPAbortOnLinger TCPAbortFailed
  TCPMemoryPressures TCPMemoryPressuresChrono TCPSACKDiscard TCPDSACKIgnoredOld TCPDSACKIgnoredNoUndo TCPMD5NotFound
  TCPMD5Unexpected TCPMD5Failure TCPSackShifted TCPSackMerged TCPSackShiftFallback TCPBacklogDrop PFMemallocDrop
  TCPMinTTLDrop TCPDeferAcceptDrop IPReversePathFilter TCPReqQFullDoCookies TCPReqQFullDrop TCPFastOpenActive
  TCPFastOpenActiveFail TCPFastOpenPassive TCPFastOpenPassiveFail TCPFastOpenListenOverflow TCPFastOpenCookieReqd
  TCPSynRetrans TCPOrigDataSent PAWSActive PAWSEstab
`
  .trim()
  .split(/\s+/);

export const MEMORY_KEYS = [
  'usage',
  'max_usage',
  'cache',
  'rss',
  'swap',
  'mapped_file',
  'working_set',
  'total_active_file',
  'total_inactive_file',
  'file_dirty',
  'file_writeback',
  'pgscan',
  'pgsteal',
  'workingset_refault_file',
  'workingset_refault_anon',
  'failcnt',
  'kernel',
] as const;

export const MEMORY_EVENTS = ['high', 'max'] as const;

export const FAULTS = ['pgfault', 'pgmajfault'] as const;

export const PAGE_KINDS = ['file', 'anon', 'unevictable'] as const;

export const CFS_KEYS = ['periods', 'throttled_periods', 'throttled_time', 'bursts_periods', 'burst_time'] as const;

export const LOAD_KEYS = ['load_average', 'load_d_average'] as const;

export const SCHEDSTAT_KEYS = ['run_time', 'runqueue_time', 'run_periods'] as const;

export const IO_TABLES = [
  'io_service_bytes',
  'io_serviced',
  'io_queued',
  'sectors',
  'io_service_time',
  'io_wait_time',
  'io_merged',
  'io_time',
  'io_cost_usage',
  'io_cost_wait',
  'io_cost_indebt',
  'io_cost_indelay',
] as const;

export const DISK_COUNTERS = [
  'reads_completed',
  'reads_merged',
  'sectors_read',
  'read_time',
  'writes_completed',
  'writes_merged',
  'sectors_written',
  'write_time',
  'io_in_progress',
  'io_time',
  'weighted_io_time',
] as const;

export const TASKS = [
  ['nr_sleeping', 'tasks.sleeping'],
  ['nr_running', 'tasks.running'],
  ['nr_stopped', 'tasks.stopped'],
  ['nr_uninterruptible', 'tasks.uninterruptible'],
  ['nr_io_wait', 'tasks.io_wait'],
] as const;

export const PROCESS_KEYS = ['process_count', 'fd_count', 'socket_count'] as const;

export const PRESSURE_AVERAGES = ['avg10', 'avg60', 'avg300'] as const;

import { type ByteWriter, quoteJson } from '../../kernel/contracts/bytes/index.js';
import type { ContainerEvent } from '../../kernel/contracts/index.js';

/** Writes the JSON of an event. */
export function writeEvent(out: ByteWriter, event: ContainerEvent): void {
  out.ascii('{"container_name":');
  out.string(event.containerName);
  out.ascii(',"timestamp":');
  out.time(event.time, event.timeExtraNs);
  out.text(`,"event_type":"${event.type}","event_data":${eventData(event)}}`);
}

function eventData({ oom, exitCode }: ContainerEvent): string {
  if (exitCode !== undefined) return `{"container_deletion":{"exit_code":${exitCode}}}`;
  if (oom === undefined) return '{}';
  const constraint = oom.constraint === undefined ? '' : `,"constraint":${quoteJson(oom.constraint)}`;
  return `{"oom":{"pid":${oom.pid},"process_name":${quoteJson(oom.processName)}${constraint}}}`;
}

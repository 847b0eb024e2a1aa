import { SamplesV1 } from '../../../api-versions/v1.0/index.js';
import { type ByteWriter, quoteJson } from '../../../kernel/contracts/bytes/index.js';
import type { ExportContainer, ExportSample, SinkOptions } from '../../../kernel/contracts/index.js';
import { driverName, machineName } from './cadvisor.js';
import { PreparedByContainer } from './groups.js';

/** How a driver's document begins. `time` takes the place of the sample's time. */
export interface DriverDocument {
  readonly timestamp: 'micros' | 'text';
  /** Members between the container's name and its numbers. */
  readonly members?: (container: ExportContainer) => Readonly<Record<string, unknown>>;
}

/** Writes samples as the documents of cAdvisor's drivers for Redis, Elasticsearch and Kafka. */
export class DriverDocumentEncoder {
  private readonly samples = new SamplesV1();
  private readonly heads = new PreparedByContainer((_, { container }) => this.headOf(container));

  constructor(
    private readonly options: SinkOptions,
    private readonly document: DriverDocument,
  ) {}

  /** @returns 1, as one document is written */
  write(out: ByteWriter, sample: ExportSample): number {
    const { container, cursor, time } = sample;
    out.ascii('{"timestamp":');
    if (this.document.timestamp === 'micros') out.integer(time);
    else out.time(time);
    out.bytes(this.heads.of(sample));
    this.samples.writeSample(out, cursor, container.view);
    out.ascii('}');
    return 1;
  }

  private headOf(container: ExportContainer): Uint8Array {
    const members = {
      machine_name: machineName(this.options),
      container_Name: driverName(container),
      ...this.document.members?.(container),
    };
    const texts = Object.entries(members)
      .filter(([, value]) => value !== undefined && value !== '')
      .map(([key, value]) => `,"${key}":${typeof value === 'string' ? quoteJson(value) : JSON.stringify(value)}`);
    return Buffer.from(`${texts.join('')},"container_stats":`);
  }
}

import { hostname } from 'node:os';
import { SamplesV1 } from '../../../api-versions/v1.0/index.js';
import { quoteJson } from '../../../kernel/contracts/bytes/index.js';
import {
  type ContainerDescription,
  type ExportContainer,
  passes,
  type Sink,
  type SinkOptions,
} from '../../../kernel/contracts/index.js';
import { PreparedByContainer } from './groups.js';

/** The name that cAdvisor's storage drivers give the host. */
export const machineName = ({ host }: SinkOptions): string => host ?? hostname();

/** The name that cAdvisor's storage drivers give a container. */
export const driverName = ({ name, description }: ExportContainer): string => description.aliases[0] ?? name;

/** A container's own labels that the options select, not renamed. */
export function rawLabels({ labels }: ContainerDescription, options: SinkOptions): Readonly<Record<string, string>> {
  const { labelAllow, labelDeny } = options;
  return Object.fromEntries(Object.entries(labels).filter(([key]) => passes([key], labelAllow, labelDeny)));
}

/**
 * Encodes a sample as the document of cAdvisor's drivers for Redis, Elasticsearch and Kafka.
 * @param timestamp how its time is written, which takes the place of the sample's own
 * @param membersOf members between the container's name and its numbers
 */
export function driverDocumentEncoder(
  options: SinkOptions,
  timestamp: 'micros' | 'text',
  membersOf: (container: ExportContainer) => Readonly<Record<string, unknown>> = () => ({}),
): Sink['encode'] {
  const samples = new SamplesV1();
  const heads = new PreparedByContainer((_, { container }) => {
    const members = {
      machine_name: machineName(options),
      container_Name: driverName(container),
      ...membersOf(container),
    };
    const texts = Object.entries(members)
      .filter(([, value]) => value !== undefined && value !== '')
      .map(([key, value]) => `,"${key}":${typeof value === 'string' ? quoteJson(value) : JSON.stringify(value)}`);
    return Buffer.from(`${texts.join('')},"container_stats":`);
  });
  return (sample, out) => {
    const { container, cursor, time } = sample;
    out.ascii('{"timestamp":');
    if (timestamp === 'micros') out.integer(time);
    else out.time(time);
    out.bytes(heads.of(sample));
    samples.writeSample(out, cursor, container.view);
    out.ascii('}');
    return 1;
  };
}

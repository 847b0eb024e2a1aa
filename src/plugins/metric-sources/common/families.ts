import type { Absent, FieldDescriptor, MetricSource, Probe } from '../../../kernel/contracts/index.js';
import { type Part, PartsProbe } from './parts.js';
import { networkProcess, type ProcessContext } from './processes.js';
import type { ByteSource } from './table-part.js';

/** A file below `/proc/<pid>/net`, one per address family, and the fields its lines are counted into. */
export interface FamilyFile {
  readonly file: string;
  readonly fields: readonly FieldDescriptor[];
}

/** A source that counts sockets per address family. A kernel without IPv6 has one family. */
export function createFamilySource(
  context: ProcessContext,
  families: readonly FamilyFile[],
  createPart: (source: ByteSource, fields: readonly FieldDescriptor[]) => Part,
): MetricSource {
  return {
    fields: families.flatMap(({ fields }) => fields),
    part: 'network',
    attach(target): Probe | Absent {
      const process = networkProcess(target, context);
      if ('absent' in process) return process;
      const parts = families.flatMap(({ file, fields }) => {
        const source = process.file(`net/${file}`);
        return source.read() < 0 ? [] : [createPart(source, fields)];
      });
      if (parts.length === 0) return { absent: `/proc/${process.pid}/net/${families[0]?.file} cannot be read` };
      return new PartsProbe(parts, { beforeSample: () => process.alive() });
    },
  };
}

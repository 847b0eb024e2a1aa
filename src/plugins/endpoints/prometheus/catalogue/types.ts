/** The Prometheus type of a family. */
export type FamilyType = 'counter' | 'gauge';

/** How columns of one field become series of a family. */
export interface Feed {
  /** Name of the field, or its beginning and `*`: every field of that word, told apart by `rest`. */
  readonly field: string;
  /** Series label → dimension of the field that gives its value. Absent: every dimension under its own name. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Labels with a fixed value. */
  readonly fixed?: Readonly<Record<string, string>>;
  /** For `word.*`: the label that takes the rest of the field's name, in lower case. */
  readonly rest?: string;
  /** Only columns whose dimension has this value. */
  readonly where?: Readonly<Record<string, string>>;
  /** How the value of a dimension is printed. */
  readonly print?: (value: string) => string;
  /** Not used when the container's layout has this field. */
  readonly unless?: string;
  /** Only while this holds: the container has a CPU quota; the number is not 0. */
  readonly only?: 'quota' | 'nonZero';
}

/** A metric family that is filled from samples. */
export interface SampledFamily {
  readonly name: string;
  readonly type: FamilyType;
  /** Absent: the help of the field that feeds it. */
  readonly help?: string;
  /** In order of preference: of several that give the same series the first one is used. */
  readonly feeds: readonly Feed[];
}

const family =
  (type: FamilyType) =>
  (name: string, feeds: string | readonly Feed[], help?: string): SampledFamily => ({
    name: `container_${name}`,
    type,
    feeds: typeof feeds === 'string' ? [{ field: feeds }] : feeds,
    ...(help !== undefined && { help }),
  });

export const counter = family('counter');
export const gauge = family('gauge');

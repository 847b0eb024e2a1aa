/** Uncomments all options of a sample. */
export function uncomment(sample: string): string {
  return sample.replaceAll(/^( *)#(?=\S)/gm, '$1');
}

import { glob, z } from 'tallyman/plugin';

const absolutePath = z.string().regex(/^\//, { error: 'expected an absolute path' });

export const configSchema = z.strictObject({
  units: z
    .array(glob())
    .prefault(['*.service'])
    .describe('Units to name (globs). All others are left to other handlers.'),
  names: z
    .array(
      z.strictObject({
        unit: glob().describe('The unit or units (glob) that are to have the name.'),
        name: z.string().min(1).describe('The name.'),
      }),
    )
    .prefault([])
    .describe('Names of your own, in front of the unit’s. The first entry that fits counts.'),
  directories: z
    .array(absolutePath)
    .default([
      '/run/systemd/transient',
      '/etc/systemd/system',
      '/run/systemd/system',
      '/run/systemd/generator',
      '/usr/local/lib/systemd/system',
      '/usr/lib/systemd/system',
      '/lib/systemd/system',
    ])
    .describe('Where unit files are, on the host; the directory that counts most first.'),
});

/** @typedef {z.output<typeof configSchema>} Options */

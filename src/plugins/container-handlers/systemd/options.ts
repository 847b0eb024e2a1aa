import { duration, glob, z } from '../../../kernel/contracts/index.js';

const absolutePath = z.string().regex(/^\//, { error: 'expected an absolute path' });

const nameOfUnit = z.strictObject({
  unit: glob().describe('The unit or units (glob) that get the name.'),
  name: z.string().min(1).describe('The name.'),
});

export const systemdOptions = z.strictObject({
  units: z
    .array(glob())
    .prefault(['*'])
    .describe('Units to name, as globs over the whole name (`*.service`). All others stay plain cgroups.'),
  exclude: z.array(glob()).prefault([]).describe('Units that are not named, in the same form. Wins over `units`.'),
  userUnits: z
    .boolean()
    .default(true)
    .describe('Name the units of users’ own service managers too (`systemctl --user`).'),
  names: z
    .array(nameOfUnit)
    .prefault([])
    .describe('Names of your own, in front of the unit’s. The first entry that fits counts.'),
  sockets: z
    .array(absolutePath)
    .min(1)
    .default(['/run/dbus/system_bus_socket', '/run/systemd/private'])
    .describe(
      'Sockets on the host at which systemd is asked, the first that answers: of the D-Bus system bus, or its own, which answers root only and whose name ends in `/private`.',
    ),
  timeout: duration().prefault('5s').describe('Time limit of every question to systemd.'),
  tombstoneFor: duration()
    .prefault('5m')
    .describe('How long a service whose cgroup is gone stays visible with its exit code.'),
});

export type SystemdOptions = z.output<typeof systemdOptions>;

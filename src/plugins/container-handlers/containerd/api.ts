import { grpcMethods, wire } from '../common/index.js';

const { message, text, textMap, texts, integer, part, parts, bytes, TIMESTAMP } = wire;

const ANY = message({ typeUrl: text(1), value: bytes(2) });

const CONTAINER = message({
  id: text(1),
  labels: textMap(2),
  image: text(3),
  runtime: part(4, message({ name: text(1) })),
  spec: part(5, ANY),
  snapshotter: text(6),
  snapshotKey: text(7),
  createdAt: part(8, TIMESTAMP),
});
export type ContainerRecord = wire.Decoded<typeof CONTAINER>;

/** A task; `id` is its container’s. */
const PROCESS = message({
  id: text(2),
  pid: integer(3),
  status: integer(4),
  exitStatus: integer(9),
  exitedAt: part(10, TIMESTAMP),
});
export type TaskRecord = wire.Decoded<typeof PROCESS>;

/** Values of a task’s `status`. */
export const TASK_STATUS = { created: 1, running: 2, stopped: 3, paused: 4, pausing: 5 } as const;

const MOUNT = message({ type: text(1), source: text(2), options: texts(4) });
export type Mount = wire.Decoded<typeof MOUNT>;

const IMAGE = message({
  name: text(1),
  target: part(3, message({ mediaType: text(1), digest: text(2), size: integer(3) })),
  createdAt: part(7, TIMESTAMP),
});
export type ImageRecord = wire.Decoded<typeof IMAGE>;

const PLUGIN = message({
  type: text(1),
  id: text(2),
  exports: textMap(5),
  initError: part(7, message({ code: integer(1), message: text(2) })),
});
export type PluginRecord = wire.Decoded<typeof PLUGIN>;

const ENVELOPE = message({
  timestamp: part(1, TIMESTAMP),
  namespace: text(2),
  topic: text(3),
  event: part(4, ANY),
});
export type Envelope = wire.Decoded<typeof ENVELOPE>;

/** What events of containers and of tasks hold: the id of the container. */
export const EVENT = message({ id: text(1) });
export const TASK_EXIT = message({
  containerId: text(1),
  /** That of the process: a task’s own is its container’s. */
  id: text(2),
  exitStatus: integer(4),
  exitedAt: part(5, TIMESTAMP),
});

const EMPTY = message({});

const method = grpcMethods('/containerd.services.');

/** The methods that are called; all but `version`, `namespaces`, `plugins` and `events` want a namespace. */
export const methods = {
  version: method('version.v1.Version/Version', 'its version', EMPTY, message({ version: text(1), revision: text(2) })),
  namespaces: method(
    'namespaces.v1.Namespaces/List',
    'the list of namespaces',
    EMPTY,
    message({ namespaces: parts(1, message({ name: text(1) })) }),
  ),
  plugins: method(
    'introspection.v1.Introspection/Plugins',
    'its plugins',
    message({ filters: texts(1) }),
    message({ plugins: parts(1, PLUGIN) }),
  ),
  events: method('events.v1.Events/Subscribe', 'events', message({ filters: texts(1) }), ENVELOPE),
  /** One message each: all together may exceed what a message may hold. */
  containers: method(
    'containers.v1.Containers/ListStream',
    'the list of containers',
    EMPTY,
    message({ container: part(1, CONTAINER) }),
  ),
  container: method(
    'containers.v1.Containers/Get',
    'a container',
    message({ id: text(1) }),
    message({ container: part(1, CONTAINER) }),
  ),
  tasks: method('tasks.v1.Tasks/List', 'the list of tasks', EMPTY, message({ tasks: parts(1, PROCESS) })),
  task: method(
    'tasks.v1.Tasks/Get',
    'a task',
    message({ containerId: text(1) }),
    message({ process: part(1, PROCESS) }),
  ),
  mounts: method(
    'snapshots.v1.Snapshots/Mounts',
    'the mounts of a snapshot',
    message({ snapshotter: text(1), key: text(2) }),
    message({ mounts: parts(1, MOUNT) }),
  ),
  image: method('images.v1.Images/Get', 'an image', message({ name: text(1) }), message({ image: part(1, IMAGE) })),
  images: method('images.v1.Images/List', 'the list of images', EMPTY, message({ images: parts(1, IMAGE) })),
  read: method(
    'content.v1.Content/Read',
    'a manifest',
    message({ digest: text(1), offset: integer(2), size: integer(3) }),
    message({ data: bytes(2) }),
  ),
} as const;

import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { codeOf, TallymanError } from '../../../kernel/contracts/index.js';

/** Refusals of a gRPC service that callers treat apart. */
export const GRPC_NOT_FOUND = 5;
/** The service or its method is not there. */
export const GRPC_UNIMPLEMENTED = 12;

/** A call to an engine that failed. */
export class EngineError extends TallymanError {
  override readonly name = 'EngineError';
  /** The status of the engine's refusal (of HTTP or gRPC); undefined when there was no answer. */
  readonly status: number | undefined;
  /** True when there is no socket at the address: the engine is likely not installed. */
  readonly absent: boolean;

  constructor(message: string, status: number | undefined, cause?: unknown) {
    super(message, { cause });
    this.status = status;
    this.absent = codeOf(cause) === 'ENOENT';
  }

  /** Whether the engine, by HTTP or gRPC, has nothing of that name. */
  get isNotFound(): boolean {
    return this.status === 404 || this.status === GRPC_NOT_FOUND;
  }
}

const HINTS: Readonly<Record<string, string>> = {
  ENOENT: 'no such socket; is the engine installed and started?',
  ECONNREFUSED: 'nothing listens there; is the engine started?',
  EACCES: 'permission denied; run the agent as root or as a member of the socket’s group',
};

/** What a failed connect means, `undefined` when its message is as good. */
export function connectFailure(error: unknown): string | undefined {
  const code = codeOf(error);
  const hint = code === undefined ? undefined : HINTS[code];
  return hint === undefined ? undefined : `${hint} (${code})`;
}

/**
 * Costs far less than a connect, which each engine that is not installed would fail at again and again.
 * @throws EngineError when there is no such socket; whatever else is wrong with it shows when it is connected to
 */
export function requireSocket(path: string, url: string): void {
  try {
    if (statSync(path, { throwIfNoEntry: false }) !== undefined) return;
  } catch {
    return;
  }
  const error = Object.assign(new Error(`no socket at ${path}`), { code: 'ENOENT' });
  throw new EngineError(`${url}: ${connectFailure(error)}`, undefined, error);
}

/** Whether the host has a socket that the container of the agent lacks. */
export function isOnHost(path: string, root: string): boolean {
  // A link to /run on most hosts, which would lead to that of the container.
  const place = path.replace(/^\/var\/run\//, '/run/');
  return root !== '/' && existsSync(join(root, place));
}

/** Whether the agent has no permission to use the socket. */
export const isDenied = (reason: string): boolean => /\((EACCES|EPERM)\)/.test(reason);

/** False where the directory of a socket is closed to the agent, which then cannot see whether there is one. */
export function isVisible(path: string): boolean {
  try {
    accessSync(dirname(path), constants.X_OK);
    return true;
  } catch (error) {
    return codeOf(error) !== 'EACCES';
  }
}

/** How the agent gets permission to use a socket of containerd, CRI-O or cri-dockerd. */
export function socketAdmission(path: string): string {
  if (path === '/run/containerd/containerd.sock') {
    return 'gid = <number of the group tallyman> in the section [grpc] of /etc/containerd/config.toml, then systemctl restart containerd';
  }
  return `chgrp tallyman ${path} && chmod g+rw ${path}, again whenever the runtime was restarted, or run the agent as root`;
}

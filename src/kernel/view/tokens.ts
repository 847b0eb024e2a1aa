import { ListToken, Token } from '../composition/index.js';
import type { Container } from '../containers/index.js';
import type { AgentView, ContainerView, Operations, SampleCursor } from '../contracts/index.js';

/** The view with members for rooms of the kernel only. */
export interface KernelView extends AgentView {
  /** Also of a container that was removed; `undefined` for one that was never sampled. */
  viewOf(container: Container): ContainerView | undefined;
  /**
   * Points `cursor` at the newest sample itself, without a copy: valid until control returns to the event loop.
   * @returns false when there is none
   */
  newestSample(container: Container, cursor: SampleCursor): boolean;
}

export const VIEW = new Token<KernelView>('view');
/** Descriptions of the routes that the agent serves itself. */
export const OWN_OPERATIONS = new ListToken<Operations>('own operations');

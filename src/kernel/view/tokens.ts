import { ListToken, Token } from '../composition/index.js';
import type { Container } from '../containers/index.js';
import type { AgentView, ContainerView, Operations } from '../contracts/index.js';

/** The view with members for rooms of the kernel only. */
export interface KernelView extends AgentView {
  /** Also of a container that was removed; `undefined` for one that was never sampled. */
  viewOf(container: Container): ContainerView | undefined;
}

export const VIEW = new Token<KernelView>('view');
/** Descriptions of the routes that the agent serves itself. */
export const OWN_OPERATIONS = new ListToken<Operations>('own operations');

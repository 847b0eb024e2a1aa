/** An app-metrics plugin that may answer `targets` later. */
export interface LateTargets {
  /** @param changed told when `targets` answers differently now: for one container, or for any */
  watchTargets(changed: (containerName?: string) => void): void;
  /** The container is no more. */
  forgetTargets(containerName: string): void;
}

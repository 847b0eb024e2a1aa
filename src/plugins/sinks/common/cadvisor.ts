import { hostname } from 'node:os';
import {
  type ContainerDescription,
  type ExportContainer,
  passes,
  type SinkOptions,
} from '../../../kernel/contracts/index.js';

/** The name that cAdvisor's storage drivers give the host. */
export const machineName = ({ host }: SinkOptions): string => host ?? hostname();

/** The name that cAdvisor's storage drivers give a container. */
export const driverName = ({ name, description }: ExportContainer): string => description.aliases[0] ?? name;

/** A container's own labels that the options select, not renamed. */
export function rawLabels({ labels }: ContainerDescription, options: SinkOptions): Readonly<Record<string, string>> {
  const { labelAllow, labelDeny } = options;
  return Object.fromEntries(Object.entries(labels).filter(([key]) => passes([key], labelAllow, labelDeny)));
}

import { appContainer } from '../../kernel/app-metrics/index.js';
import type { AppContainer, ContainerDescription } from '../../kernel/contracts/index.js';
import { RAW } from '../simulated-host.js';
import { caseNames, readCase, type TestCase } from './case-file.js';

/** The actual port of a case's server. */
type RealPort = (port: number) => number | undefined;

/** A container of a case as a handler would describe it. */
export interface CaseContainer {
  readonly name: string;
  readonly description: ContainerDescription;
}

/** The plugin's options in a case, with `${port.80}` replaced by the actual port of the case's server on port 80. */
export function optionsOf(testCase: TestCase, realPort: RealPort): Readonly<Record<string, unknown>> {
  return filled(testCase.with, realPort);
}

/** The containers of a case; ports in their labels are replaced like those in options. */
export function containersOf(testCase: TestCase, realPort: RealPort): CaseContainer[] {
  return testCase.containers.map(({ name, ...given }) => {
    const known = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    return { name, description: { ...RAW, ...filled(known, realPort) } };
  });
}

/**
 * The setup for contract checks from the cases of a plugin: valid options (those of the first case), and
 * containers for which it has targets.
 * @param folder the plugin's
 */
export function contractSetup(folder: string): {
  readonly with: Readonly<Record<string, unknown>>;
  readonly containers: readonly AppContainer[];
} {
  const cases = caseNames(folder).map((name) => readCase(folder, name));
  const itself: RealPort = (port) => port;
  return {
    with: cases[0] === undefined ? {} : optionsOf(cases[0], itself),
    containers: cases.flatMap((testCase) =>
      containersOf(testCase, itself).map(({ name, description }) => appContainer(name, description)),
    ),
  };
}

function filled<T>(value: T, realPort: RealPort): T {
  const text = JSON.stringify(value).replace(/\$\{port\.(\d+)\}/g, (all, port: string) =>
    String(realPort(Number(port)) ?? all),
  );
  return JSON.parse(text) as T;
}

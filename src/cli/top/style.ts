/** Severity of a number: 0 none, 1 warning, 2 critical. */
export type Alarm = 0 | 1 | 2;

/** Formats parts of a line for a terminal. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  selected(text: string): string;
  alarm(level: Alarm, text: string): string;
}

const wrap =
  (on: number, off: number) =>
  (text: string): string =>
    `\x1b[${on}m${text}\x1b[${off}m`;
const red = wrap(31, 39);
const yellow = wrap(33, 39);

const attributes = { bold: wrap(1, 22), dim: wrap(2, 22), selected: wrap(7, 27) };

export const COLOURED: Style = {
  ...attributes,
  alarm: (level, text) => (level === 2 ? red(text) : level === 1 ? yellow(text) : text),
};

/** For `NO_COLOR`: alarms are bold. */
export const UNCOLOURED: Style = {
  ...attributes,
  alarm: (level, text) => (level === 2 ? attributes.bold(text) : text),
};

const same = (text: string): string => text;

/** For files and pipes. */
export const PLAIN: Style = { bold: same, dim: same, selected: same, alarm: (_, text) => text };

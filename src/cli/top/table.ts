import { type Item, isRunning } from '../../client/top/index.js';
import { type Column, columnsFor, widthOf } from './columns.js';
import type { Style } from './style.js';
import { fit, line } from './text.js';

/** Prints lines of the table for one width of the terminal. */
export class Table {
  private readonly columns: readonly Column[];
  private readonly nameWidth: number;

  constructor(
    width: number,
    private readonly style: Style,
  ) {
    this.columns = columnsFor(width);
    this.nameWidth = Math.max(1, width - widthOf(this.columns));
  }

  head(): string {
    const titles = this.columns.map(({ title, width, isText }) => ` ${fit(title, width, isText !== true)}`);
    return this.style.bold(`${fit('NAME', this.nameWidth)}${titles.join('')}`);
  }

  line({ label, row, members }: Item, isSelected = false): string {
    const { style } = this;
    const name = this.name(label);
    if (members !== undefined) {
      const cells = this.columns.map(({ width, isText, text }) => fit(isText === true ? '' : text(row), width, true));
      const text = [name, ...cells].join(' ');
      return isSelected ? style.selected(text) : style.bold(text);
    }
    const cells = this.columns.map((column) => {
      const text = fit(column.text(row), column.width, column.isText !== true);
      return isSelected ? text : style.alarm(column.alarm?.(row) ?? 0, text);
    });
    const text = [name, ...cells].join(' ');
    if (isSelected) return style.selected(text);
    return isRunning(row) ? text : style.dim(text);
  }

  /** Shortens a path at its beginning, because its end is more specific. */
  private name(label: string): string {
    const { nameWidth } = this;
    const isLongPath = label.startsWith('/') && label.length > nameWidth && line(label) === label;
    return fit(isLongPath ? `~${label.slice(1 - nameWidth)}` : label, nameWidth);
  }
}

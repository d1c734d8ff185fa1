// SPDX-License-Identifier: Apache-2.0
import { printable, printableText } from '@rkt/names';

const TAB_STOP = 8;

/** Colours a cell, of which it is known where it stands. */
export type PaintCell = (cell: string, place: { readonly row: number; readonly column: number }) => string;

/**
 * Lays out rows in columns that are separated by tabs, as a terminal shows them aligned; readers split on `\t+`.
 *
 * Control and direction characters of outsiders are escaped, so a cell is never more than one cell. An empty cell
 * at the end of a row is left out. The last cell of a row may be a text; the others are cut as names are.
 * `paint` colours a cell without changing its width.
 */
export function layOut(rows: readonly (readonly string[])[], paint: PaintCell = (cell) => cell): string[] {
  const escaped = rows.map((row) =>
    row.map((cell, column) => (column === row.length - 1 ? printableText(cell) : printable(cell))),
  );
  const widths: number[] = [];
  for (const row of escaped) {
    for (const [column, cell] of row.entries())
      widths[column] = Math.max(widths[column] ?? 0, stopAfter(lengthOf(cell)));
  }
  return escaped.map((cells, row) =>
    cells
      .map((cell, column) => {
        const space = column === cells.length - 1 ? '' : spaceAfter(cell, widths[column] ?? 0);
        return (cell === '' ? '' : paint(cell, { row, column })) + space;
      })
      .join('')
      .trimEnd(),
  );
}

/** The tab stop behind a text of this length: at least one column of space. */
function stopAfter(length: number): number {
  return (Math.floor(length / TAB_STOP) + 1) * TAB_STOP;
}

function spaceAfter(cell: string, width: number): string {
  return '\t'.repeat(Math.ceil((width - lengthOf(cell)) / TAB_STOP));
}

function lengthOf(text: string): number {
  return Array.from(text).length;
}

/** A table of rows, and how to look at each. */

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

export interface Column<Row> {
  readonly title: string;
  /** Numbers stand at the right; `wide` takes the room that is left and cuts what does not fit. */
  readonly kind?: "text" | "number" | "wide";
  readonly cell: (row: Row) => ComponentChildren;
  /** A name of the row, read out with its other cells. */
  readonly isHeading?: boolean;
}

interface TableProps<Row> {
  /** For screen readers. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
}

const classes = { text: "", number: "right", wide: "wide" } as const;

export function Table<Row>({ caption, columns, rows, rowKey }: TableProps<Row>) {
  const id = useId();
  return (
    // A region that scrolls must be reachable by keyboard.
    <div class="table-scroll" role="group" tabIndex={0} aria-labelledby={id}>
      <table class="table">
        <caption class="visually-hidden" id={id}>
          {caption}
        </caption>
        <thead>
          <tr>
            {columns.map(({ title, kind = "text" }) => (
              <th key={title} scope="col" class={classes[kind]}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)}>
              {columns.map(({ title, kind = "text", cell, isHeading }) =>
                isHeading === true ? (
                  <th key={title} scope="row" class={classes[kind]}>
                    {cell(row)}
                  </th>
                ) : (
                  <td key={title} class={classes[kind]}>
                    {cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

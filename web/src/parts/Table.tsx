import { makeStyles, mergeClasses, tokens } from "@fluentui/react-components";
import type { ReactNode } from "react";

export interface TableColumn<Row> {
  header: string;
  align?: "end";
  /** Short words that are not to be broken. */
  short?: boolean;
  cell(row: Row): ReactNode;
}

const useStyles = makeStyles({
  frame: { overflowX: "auto", minWidth: 0 },
  table: { width: "100%", borderCollapse: "collapse" },
  head: { textAlign: "start", fontWeight: tokens.fontWeightSemibold, fontSize: tokens.fontSizeBase200, color: tokens.colorNeutralForeground2, whiteSpace: "nowrap" },
  nowrap: { whiteSpace: "nowrap" },
  cell: { padding: `${tokens.spacingVerticalS} ${tokens.spacingHorizontalM} ${tokens.spacingVerticalS} 0`, borderBottom: `1px solid ${tokens.colorNeutralStroke3}`, verticalAlign: "middle" },
  end: { textAlign: "end", fontVariantNumeric: "tabular-nums" },
});

/** A short table, whole. Long ones are VirtualTable's. */
export function Table<Row>({ label, columns, rows, rowKey }: { label: string; columns: TableColumn<Row>[]; rows: Row[]; rowKey(row: Row): string }) {
  const styles = useStyles();
  return (
    <div className={styles.frame} tabIndex={0} role="region" aria-label={label}>
      <table className={styles.table} aria-label={label}>
        <thead>
          <tr>
            {columns.map((c) => (
              <th key={c.header} scope="col" className={mergeClasses(styles.cell, styles.head, c.align && styles.end)}>
                {c.header}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)}>
              {columns.map((c) => (
                <td key={c.header} className={mergeClasses(styles.cell, c.align && styles.end, c.short && styles.nowrap)}>
                  {c.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

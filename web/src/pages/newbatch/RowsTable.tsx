import { useMemo } from "react";
import { Said } from "../../parts/Said";
import { VirtualTable, type Column } from "../../parts/VirtualTable";
import { cells, letter, secretColumn } from "./csv";
import { headerOf, rowNumbers, type MigrationFile } from "./file";

interface Line {
  row: number;
  values: string[] | undefined;
}

/** The rows of a migration file, of which only those that are looked at are read. */
export function RowsTable({ file }: { file: MigrationFile }) {
  const header = useMemo(() => headerOf(file), [file]);
  const numbers = useMemo(() => rowNumbers(file), [file]);
  const rows = useMemo(
    () => ({
      total: numbers.length,
      at: (index: number): Line | undefined => {
        const row = numbers[index];
        return row === undefined ? undefined : { row, values: cells(file.records![row - 1]!) };
      },
      want: () => {},
    }),
    [file, numbers],
  );
  const columns = useMemo<Column<Line>[]>(
    () => [
      { key: "row", header: "Row", width: "64px", align: "end", cell: (line) => line.row },
      ...header.map((name, i): Column<Line> => ({
        key: `${i}`,
        header: name || letter(i),
        width: "minmax(120px, 1fr)",
        cell: (line) => (line.values === undefined ? "…" : secretColumn(name) ? (line.values[i] ? "••••••" : "") : <Said text={line.values[i] ?? ""} />),
      })),
    ],
    [header],
  );
  return <VirtualTable label="Rows of the migration file" columns={columns} rows={rows} rowKey={(line) => String(line.row)} rowHeight={32} maxHeight="360px" empty={<p>There is no row.</p>} />;
}

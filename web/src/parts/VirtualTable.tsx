import { makeStyles, mergeClasses, tokens } from "@fluentui/react-components";
import { ArrowSortDownRegular, ArrowSortUpRegular } from "@fluentui/react-icons";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent, type MouseEvent, type ReactNode } from "react";
import type { Sparse } from "./useSparse";

export interface Column<Row> {
  key: string;
  header: string;
  /** A track of a CSS grid, such as "minmax(160px, 2fr)" or "120px". */
  width?: string;
  align?: "start" | "end";
  /** Shown only where the table is at least so wide, in pixels. */
  from?: number;
  /** Shown only where the table is narrower than that. */
  below?: number;
  /** The word that the list is sorted by; without it, it cannot be. */
  sort?: string;
  /** Cells of a row with links or buttons give them tabIndex={active ? 0 : -1}. */
  cell(row: Row, at: { index: number; active: boolean }): ReactNode;
}

export interface Selection {
  /** Keys of the selected rows. */
  selected: ReadonlySet<string>;
  onChange(selected: ReadonlySet<string>): void;
}

export interface Sorting {
  by: string;
  descending: boolean;
}

export interface VirtualTableProps<Row> {
  /** What the table holds, for who cannot see it. */
  label: string;
  columns: Column<Row>[];
  /** All rows, or those of useSparse. */
  rows: Row[] | Pick<Sparse<Row>, "total" | "at" | "want">;
  rowKey(row: Row): string;
  /** How a row is called, for its checkbox. */
  rowName?(row: Row): string;
  selection?: Selection;
  /** Enter, or a click anywhere in the row but on a control. */
  onOpen?(row: Row): void;
  sorting?: Sorting;
  onSort?(sorting: Sorting): void;
  /** Shown when there are no rows. */
  empty?: ReactNode;
  /** Height of a row in pixels. */
  rowHeight?: number;
  /** The most height that the table takes, as CSS. It takes less when it has few rows. */
  maxHeight?: string;
}

const useStyles = makeStyles({
  frame: {
    overflow: "auto",
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    borderRadius: tokens.borderRadiusMedium,
    backgroundColor: tokens.colorNeutralBackground1,
    color: tokens.colorNeutralForeground1,
    fontFamily: tokens.fontFamilyBase,
    fontSize: tokens.fontSizeBase300,
    contain: "strict",
    outlineStyle: "none",
    ":focus-visible": { outline: `2px solid ${tokens.colorStrokeFocus2}` },
  },
  row: { display: "grid", alignItems: "center", columnGap: tokens.spacingHorizontalM, padding: `0 ${tokens.spacingHorizontalM}` },
  header: {
    position: "sticky",
    top: 0,
    zIndex: 1,
    height: "36px",
    backgroundColor: tokens.colorNeutralBackground2,
    borderBottom: `1px solid ${tokens.colorNeutralStroke2}`,
    fontWeight: tokens.fontWeightSemibold,
    fontSize: tokens.fontSizeBase200,
  },
  body: { position: "relative" },
  line: { position: "absolute", top: 0, left: 0, width: "100%", borderBottom: `1px solid ${tokens.colorNeutralStroke3}`, contain: "layout style" },
  opens: { cursor: "pointer" },
  // Links and states are to be read in either theme, so that the grounds are none of Fluent's for rows: those are too light for them in the dark.
  hover: { ":hover": { backgroundColor: tokens.colorNeutralBackground3 } },
  selected: { backgroundColor: tokens.colorBrandBackground2, ":hover": { backgroundColor: tokens.colorBrandBackground2 } },
  active: { boxShadow: `inset 0 0 0 2px ${tokens.colorStrokeFocus2}` },
  cell: { minWidth: 0, overflow: "hidden", textOverflow: "ellipsis", whiteSpace: "nowrap" },
  end: { textAlign: "end", fontVariantNumeric: "tabular-nums", justifyContent: "flex-end" },
  sort: {
    display: "inline-flex", alignItems: "center", gap: tokens.spacingHorizontalXS, font: "inherit", color: "inherit", border: "none", padding: 0, background: "none", cursor: "pointer",
    ":focus-visible": { outline: `2px solid ${tokens.colorStrokeFocus2}` },
  },
  box: { width: "16px", height: "16px", margin: 0, accentColor: tokens.colorBrandBackground },
  bone: { height: "12px", width: "60%", borderRadius: tokens.borderRadiusSmall, backgroundColor: tokens.colorNeutralStencil1 },
});

const headerHeight = 36;
const controls = "a,button,input,select,textarea,label,[role=button],[role=menuitem]";

/**
 * A table of any length. It is a grid to assistive technology: the table has the focus,
 * arrows, Page Up and Down, Home and End move the active row, Enter opens it, Space
 * selects it, with Shift up to it, and Ctrl+A selects all that are loaded.
 */
export function VirtualTable<Row>(props: VirtualTableProps<Row>) {
  const { label, rows, rowKey, selection, onOpen, sorting, onSort, empty, rowHeight = 40, maxHeight = "calc(100vh - 260px)" } = props;
  const styles = useStyles();
  const id = useId();
  const frame = useRef<HTMLDivElement>(null);
  const [element, setElement] = useState<HTMLDivElement | null>(null);
  const attach = useCallback((div: HTMLDivElement | null) => {
    frame.current = div;
    setElement(div);
  }, []);
  const [active, setActive] = useState(-1);
  const [focused, setFocused] = useState(false);
  const anchor = useRef(0);
  const width = useWidth(element);
  const columns = useMemo(() => props.columns.filter((c) => !c.from || width === 0 || width >= c.from).filter((c) => !c.below || (width > 0 && width < c.below)), [props.columns, width]);
  const tracks = (selection ? "20px " : "") + columns.map((c) => c.width ?? "minmax(120px, 1fr)").join(" ");
  // Every row is as wide as the least of its columns, whatever they hold: so they stand below each other.
  const least = leastWidth(tracks);
  const total = Array.isArray(rows) ? rows.length : rows.total;
  const at = useCallback((index: number) => (Array.isArray(rows) ? rows[index] : rows.at(index)), [rows]);

  const virtual = useVirtualizer({ count: total, getScrollElement: () => frame.current, estimateSize: () => rowHeight, overscan: 8, scrollPaddingStart: headerHeight, paddingStart: 0 });
  const items = virtual.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;
  const want = Array.isArray(rows) ? undefined : rows.want;
  useEffect(() => want?.(first, last), [want, first, last]);
  useEffect(() => setActive((a) => Math.min(a, total - 1)), [total]);

  const select = useCallback(
    (from: number, to: number, on: boolean) => {
      if (!selection) return;
      const next = new Set(selection.selected);
      for (let i = Math.min(from, to); i <= Math.max(from, to); i++) {
        const row = at(i);
        if (row === undefined) continue;
        if (on) next.add(rowKey(row));
        else next.delete(rowKey(row));
      }
      selection.onChange(next);
    },
    [selection, at, rowKey],
  );
  const toggle = useCallback(
    (index: number, extend: boolean) => {
      const row = at(index);
      if (!selection || row === undefined) return;
      if (extend) select(anchor.current, index, true);
      else select(index, index, !selection.selected.has(rowKey(row)));
      anchor.current = index;
    },
    [selection, at, select, rowKey],
  );
  const loaded = () => Array.from({ length: total }, (_, i) => at(i)).filter((row): row is Row & {} => row !== undefined && row !== null);

  const move = (to: number, extend: boolean) => {
    const next = Math.max(0, Math.min(total - 1, to));
    if (extend && selection) select(active, next, true);
    setActive(next);
    virtual.scrollToIndex(next);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== frame.current || total === 0) return;
    const page = Math.max(1, Math.floor((frame.current.clientHeight - headerHeight) / rowHeight) - 1);
    const steps: Record<string, number> = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + page, PageUp: active - page, Home: 0, End: total - 1 };
    const to = steps[event.key];
    if (to !== undefined && !event.altKey && !event.metaKey) move(to, event.shiftKey);
    else if (event.key === "Enter" && active >= 0 && onOpen) openRow(active);
    else if (event.key === " " && active >= 0 && selection) toggle(active, event.shiftKey);
    else if (event.key === "a" && (event.ctrlKey || event.metaKey) && selection) selection.onChange(new Set([...selection.selected, ...loaded().map(rowKey)]));
    else return;
    event.preventDefault();
  };
  const openRow = (index: number) => {
    const row = at(index);
    if (row !== undefined) onOpen?.(row);
  };
  const onClick = useCallback(
    (event: MouseEvent, index: number) => {
      setActive(index);
      if ((event.target as Element).closest(controls)) return;
      const row = at(index);
      if (row === undefined) return;
      if (selection && (event.shiftKey || event.ctrlKey || event.metaKey)) toggle(index, event.shiftKey);
      else if (!window.getSelection()?.toString()) onOpen?.(row);
    },
    [at, selection, toggle, onOpen],
  );

  if (total === 0 && empty !== undefined) return <>{empty}</>;
  const chosen = selection?.selected;
  const some = (chosen?.size ?? 0) > 0;
  const height = headerHeight + total * rowHeight + 2 + (width > 0 && frame.current && frame.current.scrollWidth > frame.current.clientWidth ? 16 : 0);
  return (
    <div
      ref={attach}
      className={styles.frame}
      style={{ height: `min(${Math.min(height, 100_000)}px, max(200px, ${maxHeight}))` }}
      role="grid"
      tabIndex={0}
      aria-label={label}
      aria-rowcount={total + 1}
      aria-colcount={columns.length + (selection ? 1 : 0)}
      aria-multiselectable={selection ? true : undefined}
      aria-activedescendant={focused && active >= first && active <= last && active >= 0 ? `${id}-${active}` : undefined}
      onKeyDown={onKeyDown}
      onFocus={(event) => {
        if (event.target !== frame.current) return;
        setFocused(true);
        if (active < 0 && total > 0) setActive(first);
      }}
      onBlur={(event) => event.target === frame.current && setFocused(false)}
    >
      <div className={mergeClasses(styles.row, styles.header)} role="row" aria-rowindex={1} style={{ gridTemplateColumns: tracks, minWidth: least }}>
        {selection && (
          <div role="columnheader" className={styles.cell}>
            <input
              type="checkbox"
              className={styles.box}
              aria-label={some ? "Select none" : "Select all that are loaded"}
              title={some ? "Select none" : "Select all that are loaded"}
              checked={some && chosen!.size >= total}
              ref={(box) => {
                if (box) box.indeterminate = some && chosen!.size < total;
              }}
              onChange={() => selection.onChange(some ? new Set() : new Set(loaded().map(rowKey)))}
            />
          </div>
        )}
        {columns.map((c) => {
          const sorted = sorting && c.sort === sorting.by;
          return (
            <div key={c.key} role="columnheader" className={mergeClasses(styles.cell, c.align === "end" && styles.end)} aria-sort={c.sort ? (sorted ? (sorting.descending ? "descending" : "ascending") : "none") : undefined}>
              {c.sort && onSort ? (
                <button type="button" className={styles.sort} onClick={() => onSort({ by: c.sort!, descending: sorted ? !sorting.descending : false })}>
                  {c.header}
                  {sorted && (sorting.descending ? <ArrowSortDownRegular aria-hidden /> : <ArrowSortUpRegular aria-hidden />)}
                </button>
              ) : (
                c.header
              )}
            </div>
          );
        })}
      </div>
      <div className={styles.body} role="rowgroup" style={{ height: virtual.getTotalSize() }}>
        {items.map((item) => {
          const row = at(item.index);
          const on = row !== undefined && chosen?.has(rowKey(row)) === true;
          return (
            <Line
              key={item.key}
              id={`${id}-${item.index}`}
              index={item.index}
              start={item.start}
              height={rowHeight}
              row={row}
              name={row === undefined ? undefined : (props.rowName ?? rowKey)(row)}
              columns={columns as Column<unknown>[]}
              tracks={tracks}
              least={least}
              selectable={selection !== undefined}
              selected={on}
              active={active === item.index}
              marked={focused && active === item.index}
              opens={onOpen !== undefined}
              onClick={onClick}
              onToggle={toggle}
            />
          );
        })}
      </div>
    </div>
  );
}

/** The least width of a row in pixels: that of its tracks, the gaps between them, and its padding. */
export function leastWidth(tracks: string): number {
  const gap = 12;
  const sizes = tracks.replace(/minmax\(\s*([^,]+),[^)]*\)/g, "$1").split(/\s+/).map((size) => (size.endsWith("px") ? parseFloat(size) : 0));
  return sizes.reduce((sum, size) => sum + size + gap, gap);
}

interface LineProps {
  id: string;
  index: number;
  start: number;
  height: number;
  row: unknown;
  name?: string;
  columns: Column<unknown>[];
  tracks: string;
  least: number;
  selectable: boolean;
  selected: boolean;
  active: boolean;
  marked: boolean;
  opens: boolean;
  onClick(event: MouseEvent, index: number): void;
  onToggle(index: number, extend: boolean): void;
}

const Line = memo(function Line({ id, index, start, height, row, name, columns, tracks, least, selectable, selected, active, marked, opens, onClick, onToggle }: LineProps) {
  const styles = useStyles();
  return (
    <div
      id={id}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={selectable ? selected : undefined}
      aria-busy={row === undefined || undefined}
      className={mergeClasses(styles.row, styles.line, styles.hover, opens && styles.opens, selected && styles.selected, marked && styles.active)}
      style={{ gridTemplateColumns: tracks, minWidth: least, height, transform: `translateY(${start}px)` }}
      onClick={(event) => onClick(event, index)}
    >
      {selectable && (
        <div role="gridcell" className={styles.cell}>
          <input
            type="checkbox"
            className={styles.box}
            tabIndex={-1}
            aria-label={name === undefined ? "Loading" : `Select ${name}`}
            checked={selected}
            disabled={row === undefined}
            onClick={(event) => onToggle(index, event.shiftKey)}
            onChange={() => {}}
          />
        </div>
      )}
      {columns.map((c) => (
        <div key={c.key} role="gridcell" className={mergeClasses(styles.cell, c.align === "end" && styles.end)}>
          {row === undefined ? <div className={styles.bone} /> : c.cell(row, { index, active })}
        </div>
      ))}
    </div>
  );
});

function useWidth(element: HTMLElement | null): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.round(entry!.contentRect.width)));
    observer.observe(element);
    return () => observer.disconnect();
  }, [element]);
  return width;
}

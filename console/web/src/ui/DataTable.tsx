import { useNavigate } from '@tanstack/react-router';
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from 'react';

import { leaveTrail, register } from '@/ui/list';

export interface Column<T> {
  key: string;
  title: string;
  cell: (row: T) => ReactNode;
  /** Takes the room that is left, and breaks its lines. */
  wide?: boolean;
  /** Digits, which stand below each other. */
  numeric?: boolean;
}

interface Props<T> {
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  rowKey: (row: T) => string;
  /** Where `Enter` leads; a cell has the link itself. */
  href?: (row: T) => string;
  /** Gets the next page; none where this is the last one. */
  more?: (() => void) | undefined;
}

const ROW = 29;
const EACH_DRAWN_UP_TO = 100;

/** Rows as the server filtered and ordered them; of many, those in view are drawn. */
export function DataTable<T>({ label, columns, rows, rowKey, href, more }: Props<T>) {
  const body = useRef<HTMLTableSectionElement>(null);
  const [top, setTop] = useState(0);
  const [at, setAt] = useState(-1);
  const navigate = useNavigate();
  useLayoutEffect(() => {
    const place = body.current?.getBoundingClientRect();
    setTop((place?.top ?? 0) + window.scrollY);
  }, []);
  const drawn = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => ROW,
    overscan: rows.length <= EACH_DRAWN_UP_TO ? rows.length : 20,
    scrollMargin: top,
    getItemKey: (index) => rowKey(rows[index] as T),
  });
  const items = drawn.getVirtualItems();
  const before = items.length > 0 ? (items[0]?.start ?? top) - top : 0;
  const behind = drawn.getTotalSize() - ((items.at(-1)?.end ?? top) - top);

  useEffect(() => {
    if (href === undefined) return undefined;
    return register({
      move: (by) => {
        const next = Math.min(rows.length - 1, Math.max(0, at + by));
        setAt(next);
        drawn.scrollToIndex(next, { align: 'auto' });
      },
      open: () => {
        const row = rows[at];
        if (row === undefined) return false;
        leaveTrail(rows.map(href));
        void navigate({ to: href(row) });
        return true;
      },
    });
  }, [at, drawn, href, navigate, rows]);

  return (
    <div className="table">
      <table aria-label={label} aria-rowcount={rows.length + 1}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.key} scope="col" data-numeric={column.numeric}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody ref={body} onClick={href && (() => leaveTrail(rows.map(href)))}>
          {before > 0 && <tr aria-hidden="true" style={{ height: before }} />}
          {items.map((item) => {
            const row = rows[item.index] as T;
            return (
              <tr
                key={item.key}
                ref={drawn.measureElement}
                data-index={item.index}
                aria-rowindex={item.index + 2}
                data-current={item.index === at || undefined}
              >
                {columns.map((column) => (
                  <td key={column.key} data-title={column.title} data-wide={column.wide} data-numeric={column.numeric}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            );
          })}
          {behind > 0 && <tr aria-hidden="true" style={{ height: behind }} />}
        </tbody>
      </table>
      {more && (
        <button type="button" className="more" onClick={more}>
          Show more
        </button>
      )}
    </div>
  );
}

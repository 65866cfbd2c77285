import { useComputedColorScheme } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { type MouseEvent, useCallback, useLayoutEffect, useRef } from 'react';

import { type Group, type Picture, states } from './model';
import { type Paint, palette } from './palette';
import { useWidth } from './useWidth';

interface Props {
  of: Picture;
  ranks: Uint8Array;
  rows: Uint32Array;
  span: Pick<Group, 'from' | 'to'>;
}

const ROW = 24;
const NAMES = 168;
const HEAD = 108;
const NARROWEST = 24;
const HIGHEST = 480;

interface View {
  width: number;
  height: number;
  left: number;
  top: number;
}

/** Paint what of some rows is in view: names at the left and above, and a cell with its glyph for each placement. */
function paint(context: CanvasRenderingContext2D, { of, ranks, rows, span }: Props, view: View, cell: number, paints: readonly Paint[]): void {
  const columns = of.applications.length;
  const nothing = paints[0];
  context.clearRect(0, 0, view.width, view.height);
  context.textBaseline = 'middle';
  const first = { row: Math.floor(view.top / ROW), column: Math.floor(view.left / cell) };
  context.font = '13px system-ui, sans-serif';
  for (let at = first.row; at < span.to - span.from && at * ROW - view.top < view.height; at++) {
    const row = rows[span.from + at] ?? 0;
    for (let column = first.column; column < columns && column * cell - view.left < view.width; column++) {
      const rank = ranks[of.cells[row * columns + column] ?? 0] ?? 0;
      const { fill, ink, glyph } = paints[rank] ?? { fill: '', ink: '', glyph: '' };
      if (rank === 0) continue;
      const [x, y] = [NAMES + column * cell - view.left, HEAD + at * ROW - view.top];
      context.fillStyle = fill;
      context.fillRect(x, y, cell - 1, ROW - 1);
      context.fillStyle = ink;
      context.textAlign = 'center';
      context.fillText(glyph, x + cell / 2, y + ROW / 2);
    }
  }
  // Over what was scrolled behind them.
  context.fillStyle = nothing?.fill ?? '';
  context.fillRect(0, 0, NAMES, view.height);
  context.fillRect(0, 0, view.width, HEAD);
  context.fillStyle = nothing?.ink ?? '';
  context.textAlign = 'left';
  context.save();
  context.beginPath();
  context.rect(0, HEAD, NAMES - 8, view.height);
  context.clip();
  for (let at = first.row; at < span.to - span.from && at * ROW - view.top < view.height; at++) {
    context.fillText(of.clusters[rows[span.from + at] ?? 0] ?? '', 8, HEAD + at * ROW - view.top + ROW / 2);
  }
  context.restore();
  context.font = '12px system-ui, sans-serif';
  context.save();
  context.beginPath();
  context.rect(NAMES, 4, view.width, HEAD - 8);
  context.clip();
  for (let column = first.column; column < columns && column * cell - view.left < view.width; column++) {
    context.save();
    context.translate(NAMES + column * cell - view.left + cell / 2, HEAD - 6);
    context.rotate(-Math.PI / 2);
    context.fillText(of.applications[column] ?? '', 0, 0);
    context.restore();
  }
  context.restore();
}

/** Some rows closely: a cell for each placement, which leads to it. What is out of view is not drawn. */
export function Rows(props: Props) {
  const { of, rows, span } = props;
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const scheme = useComputedColorScheme();
  const navigate = useNavigate();
  const width = useWidth(box);
  const columns = of.applications.length;
  const cell = Math.max(NARROWEST, Math.min(96, Math.floor((width - NAMES) / Math.max(1, columns))));
  const height = Math.min(HIGHEST, HEAD + (span.to - span.from) * ROW);
  const draw = useCallback(() => {
    const context = canvas.current?.getContext('2d');
    if (!context || !canvas.current || !box.current || width === 0) return;
    const ratio = window.devicePixelRatio;
    canvas.current.width = width * ratio;
    canvas.current.height = height * ratio;
    context.scale(ratio, ratio);
    paint(context, props, { width, height, left: box.current.scrollLeft, top: box.current.scrollTop }, cell, palette());
  }, [props, width, height, cell]);
  useLayoutEffect(draw, [draw, scheme]);

  const under = (event: MouseEvent) => {
    const place = box.current?.getBoundingClientRect();
    if (!box.current || !place) return null;
    const [x, y] = [event.clientX - place.left - NAMES, event.clientY - place.top - HEAD];
    if (x < 0 || y < 0) return null;
    const at = span.from + Math.floor((y + box.current.scrollTop) / ROW);
    const column = Math.floor((x + box.current.scrollLeft) / cell);
    const row = rows[at] ?? 0;
    const byte = at < span.to && column < columns ? (of.cells[row * columns + column] ?? 0) : 0;
    return byte === 0 ? null : { cluster: of.clusters[row] ?? '', application: of.applications[column] ?? '', byte };
  };
  return (
    <div
      ref={box}
      className="closely"
      style={{ height }}
      tabIndex={0}
      role="region"
      aria-label={`${(span.to - span.from).toLocaleString('en')} clusters closely`}
      onScroll={draw}
      onMouseMove={(event) => {
        const found = under(event);
        const { sync, health } = found ? states(of, found.byte) : { sync: '', health: '' };
        event.currentTarget.title = found ? `${found.cluster}/${found.application}\n${sync}, ${health}` : '';
        event.currentTarget.style.cursor = found ? 'pointer' : '';
      }}
      onClick={(event) => {
        const found = under(event);
        if (found === null) return;
        void navigate({ to: '/placements/$cluster/$application', params: { cluster: found.cluster, application: found.application } });
      }}
    >
      <div style={{ width: NAMES + cell * columns, height: HEAD + (span.to - span.from) * ROW }}>
        <canvas ref={canvas} style={{ width, height }} aria-hidden="true" />
      </div>
    </div>
  );
}

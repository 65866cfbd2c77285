import { useComputedColorScheme } from '@mantine/core';
import { type PointerEvent, useLayoutEffect, useMemo, useRef, useState } from 'react';

import { type Arranged, type Group, overview, type Picture, states, wordOf } from './model';
import { channels, palette } from './palette';
import { useWidth } from './useWidth';

type Span = Pick<Group, 'from' | 'to'>;

interface Props {
  of: Picture;
  ranks: Uint8Array;
  arranged: Arranged;
  /** The rows that are looked at closely. */
  chosen: Span | null;
  choose: (span: Span) => void;
  label: string;
}

/** Pixels that it is high at most. */
const HIGHEST = 320;
/** Rows that a press without a movement chooses around it. */
const AROUND = 20;

/** All placements, a pixel each; of more rows than pixels the worst is drawn. A movement over it chooses rows. */
export function Overview({ of, ranks, arranged: { rows }, chosen, choose, label }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const scheme = useComputedColorScheme();
  const [pressed, setPressed] = useState<Span | null>(null);
  const [over, setOver] = useState('');
  // Never more of the canvas's pixels than of the screen's: a browser that makes an image smaller drops some, and what
  // failed with them.
  const box = useRef<HTMLDivElement>(null);
  const wide = useWidth(box);
  const ratio = Math.min(1, window.devicePixelRatio);
  const width = Math.min(of.applications.length, Math.floor(wide * ratio));
  const height = Math.min(rows.length, Math.floor(HIGHEST * ratio));
  const pixels = useMemo(() => overview(of, ranks, rows, width, height), [of, ranks, rows, width, height]);
  useLayoutEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context || pixels.length === 0) return;
    const colours = palette().map(({ fill }) => channels(fill));
    const image = context.createImageData(width, height);
    pixels.forEach((rank, at) => image.data.set([...(colours[rank] ?? [0, 0, 0]), 255], at * 4));
    context.putImageData(image, 0, 0);
  }, [pixels, width, height, scheme]);

  const place = (event: PointerEvent<HTMLElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const part = (at: number, size: number, count: number) => Math.min(count - 1, Math.max(0, Math.floor((at / size) * count)));
    return { row: part(event.clientY - box.top, box.height, rows.length), column: part(event.clientX - box.left, box.width, of.applications.length) };
  };
  const moved = (event: PointerEvent<HTMLElement>) => {
    const { row, column } = place(event);
    if (pressed) setPressed({ ...pressed, to: row });
    const byte = of.cells[(rows[row] ?? 0) * of.applications.length + column] ?? 0;
    const said = byte === 0 ? 'not placed' : [states(of, byte).sync, states(of, byte).health].join(', ');
    setOver(`${of.clusters[rows[row] ?? 0]}/${of.applications[column]}: ${said}`);
  };
  const released = () => {
    if (pressed === null) return;
    const [first, last] = [Math.min(pressed.from, pressed.to), Math.max(pressed.from, pressed.to)];
    const around = last - first < 2 ? AROUND : 0;
    setPressed(null);
    choose({ from: Math.max(0, first - around), to: Math.min(rows.length, last + around + 1) });
  };
  const marked = pressed ? { from: Math.min(pressed.from, pressed.to), to: Math.max(pressed.from, pressed.to) + 1 } : chosen;
  return (
    <>
      <div
        ref={box}
        className="overview"
        style={{ height: height * Math.max(1, Math.floor(HIGHEST / height)) }}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          const { row } = place(event);
          setPressed({ from: row, to: row });
        }}
        onPointerMove={moved}
        onPointerUp={released}
        onPointerCancel={() => setPressed(null)}
        onPointerLeave={() => setOver('')}
      >
        <canvas ref={canvas} width={width} height={height} role="img" aria-label={label} data-worst={wordOf(pixels.reduce((worst, rank) => Math.max(worst, rank), 0))} />
        {marked && <div className="brush" style={{ top: `${(100 * marked.from) / rows.length}%`, height: `${(100 * (marked.to - marked.from)) / rows.length}%` }} />}
      </div>
      <p className="soft over">{over || 'Move over it to read a cell, draw over rows to see them closely.'}</p>
    </>
  );
}

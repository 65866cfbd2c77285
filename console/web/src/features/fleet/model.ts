/** The fleet as a picture: a row for each cluster, a column for each application, a byte for each placement. */

import type { PictureAnswer } from '@/api/types';
import { worst } from '@/lib/state';

/** What of a placement colours its cell. */
export type By = 'worst' | 'health' | 'sync';

export interface Picture {
  clusters: readonly string[];
  applications: readonly string[];
  /** Row after row; 0 is nothing placed. */
  cells: Uint8Array;
  health: readonly string[];
  sync: readonly string[];
  /** Whether placements are left out. */
  more: boolean;
}

/** What a cell may show, the best first: its rank is its place here and 1, and 0 is nothing placed. */
const RANKED: readonly string[] = ['healthy', 'synced', 'suspended', 'progressing', 'out-of-sync', 'unknown', 'missing', 'degraded', 'failed'];
export const RANKS = RANKED.length;
const BAD = RANKED.indexOf('out-of-sync') + 1;

/** Cells up to which each is an element of its own, in how many rows. */
const MOST_ELEMENTS = 3_000;
const MOST_ROWS = 60;

/** Return the word of a rank; empty for nothing placed. */
export function wordOf(rank: number): string {
  return RANKED[rank - 1] ?? '';
}

/** Return what an answer draws. */
export function decode({ picture }: Pick<PictureAnswer, 'picture'>): Picture {
  const bytes = atob(picture.cells);
  const cells = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at++) cells[at] = bytes.charCodeAt(at);
  return { ...picture, cells };
}

/** Return the health and sync status that a byte stands for; a word that is not known is `unknown`. */
export function states(of: Picture, byte: number): { health: string; sync: string } {
  return { health: of.health[(byte & 15) - 1] ?? 'unknown', sync: of.sync[(byte >> 4) - 1] ?? 'unknown' };
}

/** Return the rank of each byte. */
export function scale(of: Picture, by: By): Uint8Array {
  const ranks = new Uint8Array(256);
  for (let byte = 1; byte < 256; byte++) {
    const { health, sync } = states(of, byte);
    const place = RANKED.indexOf(by === 'health' ? health : by === 'sync' ? sync : worst(sync, health));
    ranks[byte] = 1 + (place < 0 ? RANKED.indexOf('unknown') : place);
  }
  return ranks;
}

/** Return whether each cell may be an element of its own. */
export function isSmall(of: Picture): boolean {
  return of.clusters.length <= MOST_ROWS && of.cells.length <= MOST_ELEMENTS;
}

/** Rows from one to before another, of the clusters that have the same value of a label. */
export interface Group {
  /** Null for those that have none. */
  value: string | null;
  from: number;
  to: number;
}

export interface Arranged {
  /** Which cluster each row is. */
  rows: Uint32Array;
  /** In the order of the rows; none where nothing groups them. */
  groups: readonly Group[];
}

/** Return the rows in the order of a label's values, by name in each; those without a value are the last. */
export function arrange(of: Picture, grouping: PictureAnswer['groupings'][number] | undefined): Arranged {
  const rows = Uint32Array.from(of.clusters, (_, index) => index);
  if (grouping === undefined) return { rows, groups: [] };
  const last = grouping.values.length;
  const place = (row: number) => {
    const found = grouping.of[row] ?? -1;
    return found < 0 ? last : found;
  };
  rows.sort((a, b) => place(a) - place(b) || a - b);
  const groups: Group[] = [];
  rows.forEach((row, at) => {
    const value = grouping.values[place(row)] ?? null;
    const open = groups.at(-1);
    if (open?.value === value) open.to = at + 1;
    else groups.push({ value, from: at, to: at + 1 });
  });
  return { rows, groups };
}

/**
 * Return a rank for each pixel, row after row: the worst of the cells that it stands for.
 *
 * @param width is at most the applications, and the height at most the rows.
 */
export function overview(of: Picture, ranks: Uint8Array, rows: Uint32Array, width: number, height: number): Uint8Array {
  const pixels = new Uint8Array(width * height);
  const columns = of.applications.length;
  for (let at = 0; at < rows.length; at++) {
    const line = Math.floor((at * height) / rows.length) * width;
    const first = (rows[at] ?? 0) * columns;
    for (let column = 0; column < columns; column++) {
      const pixel = line + Math.floor((column * width) / columns);
      const rank = ranks[of.cells[first + column] ?? 0] ?? 0;
      if (rank > (pixels[pixel] ?? 0)) pixels[pixel] = rank;
    }
  }
  return pixels;
}

export interface Tally {
  /** How many placements there are of each rank. */
  counts: readonly number[];
  placed: number;
  /** How many somebody should look at. */
  bad: number;
  /** The worst rank; 0 where nothing is placed. */
  worst: number;
}

/** Return how the placements of some rows are. */
export function tally(of: Picture, ranks: Uint8Array, rows: Uint32Array, from: number, to: number): Tally {
  const counts = new Array<number>(RANKS + 1).fill(0);
  const columns = of.applications.length;
  for (const row of rows.subarray(from, to)) {
    for (let at = row * columns; at < (row + 1) * columns; at++) {
      const rank = ranks[of.cells[at] ?? 0] ?? 0;
      counts[rank] = (counts[rank] ?? 0) + 1;
    }
  }
  counts[0] = 0;
  return summed(counts);
}

function summed(counts: readonly number[]): Tally {
  const sum = (some: readonly number[]) => some.reduce((all, count) => all + count, 0);
  return { counts, placed: sum(counts), bad: sum(counts.slice(BAD)), worst: Math.max(0, counts.findLastIndex((count) => count > 0)) };
}

/** Return the words of a tally with their counts, the worst first. */
export function words({ counts }: Tally): [string, number][] {
  return counts
    .map((count, rank): [string, number] => [wordOf(rank), count])
    .filter(([, count]) => count > 0)
    .reverse();
}

/** Return how the placements of each application are, those first that somebody should look at. */
export function byApplication(of: Picture, ranks: Uint8Array): { application: string; found: Tally }[] {
  const columns = of.applications.length;
  const counts = of.applications.map(() => new Array<number>(RANKS + 1).fill(0));
  of.cells.forEach((byte, at) => {
    const mine = counts[at % columns];
    const rank = ranks[byte] ?? 0;
    if (mine !== undefined && rank > 0) mine[rank] = (mine[rank] ?? 0) + 1;
  });
  return of.applications
    .map((application, column) => ({ application, found: summed(counts[column] ?? []) }))
    .sort((a, b) => b.found.worst - a.found.worst || b.found.bad - a.found.bad || a.application.localeCompare(b.application));
}

/** Return the parts of a bar of 100, the worst first; what is there is seen, however few it is. */
export function shares({ counts, placed }: Tally): { rank: number; from: number; width: number }[] {
  const LEAST = 1.5;
  const there = counts.map((count, rank) => ({ rank, width: count === 0 ? 0 : Math.max(LEAST, (100 * count) / placed) }));
  const all = there.reduce((sum, one) => sum + one.width, 0);
  let from = 0;
  return there
    .filter((one) => one.width > 0)
    .reverse()
    .map(({ rank, width }) => {
      const part = { rank, from, width: (100 * width) / all };
      from += part.width;
      return part;
    });
}

/** Return the ranks of a row, and the applications that have each, the worst first; good ones are left out. */
export function troubles(of: Picture, ranks: Uint8Array, row: number): { rank: number; applications: string[] }[] {
  const found = new Map<number, string[]>();
  of.applications.forEach((application, column) => {
    const rank = ranks[of.cells[row * of.applications.length + column] ?? 0] ?? 0;
    if (rank >= BAD) found.set(rank, [...(found.get(rank) ?? []), application]);
  });
  return [...found].sort(([a], [b]) => b - a).map(([rank, applications]) => ({ rank, applications }));
}

/** Return the place of the cell that an arrow leads to from one: the next that there is in its direction; -1 for none. */
export function neighbour(of: Picture, at: number, key: string): number {
  const columns = of.applications.length;
  const across = key === 'ArrowLeft' || key === 'ArrowRight';
  const by = (key === 'ArrowLeft' || key === 'ArrowUp' ? -1 : 1) * (across ? 1 : columns);
  for (let next = at + by; next >= 0 && next < of.cells.length; next += by) {
    if (across && Math.floor(next / columns) !== Math.floor(at / columns)) return -1;
    if (of.cells[next] !== 0) return next;
  }
  return -1;
}

/** Return the rows between two clusters of an address, both included; null where one is not there. */
export function between({ clusters }: Picture, rows: Uint32Array, from: string | undefined, to: string | undefined): Pick<Group, 'from' | 'to'> | null {
  const place = (name: string | undefined) => rows.findIndex((row) => clusters[row] === name);
  const [first, last] = [place(from), place(to)];
  return first < 0 || last < 0 ? null : { from: Math.min(first, last), to: Math.max(first, last) + 1 };
}

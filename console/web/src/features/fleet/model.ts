/** The fleet as a picture: a row for each cluster, a column for each application. */

import type { Placement } from '@/api/types';

export interface Picture {
  clusters: string[];
  applications: string[];
  cells: ReadonlyMap<string, Placement>;
}

/** Rows up to which each cell is an element of its own. */
export const MOST_ROWS = 60;

export function cellKey(cluster: string, application: string): string {
  return `${cluster}/${application}`;
}

/** Return the picture of some placements; both names in their order. */
export function picture(placements: readonly Placement[]): Picture {
  const names = (name: (one: Placement) => string) => [...new Set(placements.map(name))].sort();
  return {
    clusters: names((one) => one.cluster),
    applications: names((one) => one.application),
    cells: new Map(placements.map((one) => [cellKey(one.cluster, one.application), one])),
  };
}

/** Return the cell that an arrow leads to from one: the next that there is in its direction; null for none. */
export function neighbour(of: Picture, cluster: string, application: string, key: string): Placement | null {
  const across = key === 'ArrowLeft' || key === 'ArrowRight';
  const by = key === 'ArrowLeft' || key === 'ArrowUp' ? -1 : 1;
  const line = across ? of.applications : of.clusters;
  for (let at = line.indexOf(across ? application : cluster) + by; at >= 0 && at < line.length; at += by) {
    const name = line[at] ?? '';
    const found = of.cells.get(across ? cellKey(cluster, name) : cellKey(name, application));
    if (found !== undefined) return found;
  }
  return null;
}

/** When an action may be confirmed: what has to be typed before its button works. */

export interface Extent {
  placements: number;
  /** Objects that are removed. */
  removals: number;
}

/** Placements up to which a press of the button is enough. */
const FEW = 10;

/** Return the number that has to be typed: that of removals, or of many placements; null for none. */
export function toType(of: Extent): number | null {
  if (of.removals > 0) return of.removals;
  return of.placements > FEW ? of.placements : null;
}

/** Return whether what was typed is enough for the button to work. */
export function isConfirmed(of: Extent, given: { count: string; reason: string; needsReason: boolean }): boolean {
  if (given.needsReason && given.reason.trim() === '') return false;
  const count = toType(of);
  return count === null || given.count.trim() === String(count);
}

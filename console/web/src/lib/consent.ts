/** When an action may be confirmed: what has to be typed before its button works. */

export interface Extent {
  placements: number;
  removes: boolean;
}

/** Placements up to which a press of the button is enough. */
const FEW = 10;

/** Return whether the number of placements has to be typed: for removals, and for many. */
export function needsCount(of: Extent): boolean {
  return of.removes || of.placements > FEW;
}

/** Return whether what was typed is enough for the button to work. */
export function isConfirmed(of: Extent, given: { count: string; reason: string; needsReason: boolean }): boolean {
  if (given.needsReason && given.reason.trim() === '') return false;
  return !needsCount(of) || given.count.trim() === String(of.placements);
}

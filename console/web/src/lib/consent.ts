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

export interface Foreseen extends Extent {
  revisions: number;
  paused: number;
  unreachable: number;
  obstacles: Readonly<Record<string, number>>;
  /** The first of the placements. */
  items: readonly { ref: string; state: string; sync: string; health: string; paused: boolean; obstacle: string }[];
}

const NUMBERS = [
  ['placements', 'placements'],
  ['removals', 'objects removed'],
  ['revisions', 'revisions'],
  ['paused', 'paused'],
  ['unreachable', 'on clusters that do not answer'],
] as const;
/** Placements that are named. */
const NAMED = 5;

/** Return what is otherwise about what an action would do, one change in each text; never nothing. */
export function changes(before: Foreseen, after: Foreseen): string[] {
  const told: string[] = [];
  const count = (what: string, was: number, is: number) => {
    if (was !== is) told.push(`${what}: ${is}, was ${was}`);
  };
  for (const [name, what] of NUMBERS) count(what, before[name], after[name]);
  const [obstacles, former] = [new Map(Object.entries(after.obstacles)), new Map(Object.entries(before.obstacles))];
  for (const code of new Set([...former.keys(), ...obstacles.keys()])) {
    count(`held back by ${code}`, former.get(code) ?? 0, obstacles.get(code) ?? 0);
  }
  const seen = new Map(before.items.map((one) => [one.ref, one]));
  const now = new Set(after.items.map((one) => one.ref));
  const name = (what: string, refs: string[]) => {
    const more = refs.length > NAMED ? ` and ${refs.length - NAMED} more` : '';
    if (refs.length > 0) told.push(`${what}: ${refs.slice(0, NAMED).join(', ')}${more}`);
  };
  const keys = ['state', 'sync', 'health', 'paused', 'obstacle'] as const;
  const differs = ({ ref, ...is }: Foreseen['items'][number]) => {
    const was = seen.get(ref);
    return was !== undefined && keys.some((key) => was[key] !== is[key]);
  };
  name('new', after.items.map((one) => one.ref).filter((ref) => !seen.has(ref)));
  name('gone', [...seen.keys()].filter((ref) => !now.has(ref)));
  name('stands otherwise', after.items.filter(differs).map((one) => one.ref));
  return told.length > 0 ? told : ['something that is not listed here, such as the revision that is wanted'];
}

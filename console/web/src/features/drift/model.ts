/** Drift told once where it is the same. */

import type { Drift } from '@/api/types';
import { distinct } from '@/lib/words';

export interface Group {
  key: string;
  /** What differs, or differed, and who did it. */
  said: string[];
  state: 'out-of-sync' | 'fight' | 'corrected' | 'by hand';
  refs: string[];
  corrections: number;
  /** When the last of them was corrected. */
  last: string | null;
}

function stateOf(of: Drift): Group['state'] {
  if (of.fight) return 'fight';
  if (of.differs !== '') return 'out-of-sync';
  return of.corrections > 0 ? 'corrected' : 'by hand';
}

/** Return what drifted by what is said of it, in the order of the server: what differs still comes first. */
export function groups(all: readonly Drift[]): Group[] {
  const found = new Map<string, Group>();
  for (const one of all) {
    const state = stateOf(one);
    const said = distinct(one.differs, one.differs === '' ? one.cause : '', ...one.by_hand);
    const key = JSON.stringify([state, said]);
    const known = found.get(key) ?? { key, said, state, refs: [], corrections: 0, last: null };
    known.refs.push(one.ref);
    known.corrections += one.corrections;
    const at = one.corrected_at ?? null;
    if (at !== null && (known.last === null || Date.parse(at) > Date.parse(known.last))) known.last = at;
    found.set(key, known);
  }
  return [...found.values()];
}

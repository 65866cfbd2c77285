/** What is wrong with placements, as it is read: what looks the same is told once. */

import { reasonOf } from './reasons';

interface Problem {
  placement: Parameters<typeof reasonOf>[0] & { sync: string; health: string };
  count: number;
  refs: readonly string[];
}

/** Return problems with those together that say the same, in their order; the hub tells some apart by what it does not say. */
export function alike<T extends Problem>(problems: readonly T[]): T[] {
  const found = new Map<string, T>();
  for (const one of problems) {
    const { sync, health, paused_by: by } = one.placement;
    const key = JSON.stringify([sync, health, by, reasonOf(one.placement)]);
    const known = found.get(key);
    found.set(key, known === undefined ? one : { ...known, count: known.count + one.count, refs: [...known.refs, ...one.refs] });
  }
  return [...found.values()];
}

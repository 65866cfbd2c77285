/** How far a commit has come, in one word and one sentence. */

import type { Reach, Spread } from '@/api/types';

/** Return the spread that says most: of its sources, or, of a commit that only the registry has, of the whole fleet. */
export function spreadOf(of: Reach): Spread {
  return of.sources.length === 0 && of.registry?.spread ? of.registry.spread : of.spread;
}

export function count(of: Spread, what: 'has' | 'unsynced' | 'waits' | 'failed'): number {
  return of.counts[what] ?? 0;
}

/** Return the sentence that answers whether a commit is everywhere. */
export function answer(of: Reach): string {
  const spread = spreadOf(of);
  const [has, unsynced, waits, failed] = [count(spread, 'has'), count(spread, 'unsynced'), count(spread, 'waits'), count(spread, 'failed')];
  const all = has + unsynced + waits + failed;
  if (of.registry !== null && !of.registry.in_force) return 'The registry that is in force does not contain it.';
  if (all === 0) return 'It changes nothing of any placement.';
  if (all === has) return has === 1 ? 'The one placement that is to have it has it.' : `All ${has} placements that are to have it have it.`;
  const behind = [
    failed > 0 && `${failed} failed`,
    waits > 0 && `${waits} ${waits === 1 ? 'waits' : 'wait'}`,
    unsynced > 0 && `${unsynced} ${unsynced === 1 ? 'has it but is' : 'have it but are'} not synced`,
  ];
  return `${has} of ${all} placements have it and are done: ${behind.filter(Boolean).join(', ')}.`;
}

/** What is said of placements that are there and that the registry does not place any more. */

import type { Status } from '@/api/types';

/** Return that placements are retained, and that faults may be why; empty where none is. */
export function headline({ retained, faults, more_faults }: Pick<Status, 'retained' | 'faults' | 'more_faults'>): string {
  if (retained === 0) return '';
  const open = faults.length + more_faults;
  const kept = `${retained.toLocaleString('en')} ${retained === 1 ? 'placement' : 'placements'} retained`;
  return open === 0
    ? `${kept}: the registry does not place ${retained === 1 ? 'it' : 'them'} any more.`
    : `${kept}: ${open.toLocaleString('en')} ${open === 1 ? 'fault is' : 'faults are'} open.`;
}

/** Return what is the case where all that is there is retained. */
export function keptAlone(retained: number): string {
  return retained === 1
    ? 'Nothing is placed now. One placement is kept as it was: its objects are on its cluster, and are not synced any more.'
    : `Nothing is placed now. ${retained.toLocaleString('en')} placements are kept as they were: their objects are on their clusters, and are not synced any more.`;
}

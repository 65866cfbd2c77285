/** Why a placement is as it is, in the hub's sentences. */

import { distinct } from './words';

interface Reasoned {
  reason: string;
  health_reason: string;
  hold: string;
  hold_code: string;
  paused_by: string;
  pause_reason: string;
}

/** Return what is in the way, without that it is paused: who paused it says so too, and more. */
export function obstacles(one: Omit<Reasoned, 'pause_reason'>): string[] {
  const repeats = one.hold_code === 'placement.paused' && one.paused_by !== '' && one.reason.startsWith(one.hold);
  return distinct(repeats ? one.reason.slice(one.hold.length).replace(/^; /, '') : one.reason, one.health_reason);
}

/** Return the same and who paused it, in one line. */
export function reasonOf(one: Reasoned): string {
  const paused = one.paused_by && `paused by ${one.paused_by}${one.pause_reason && `: ${one.pause_reason}`}`;
  return distinct(...obstacles(one), paused).join('; ');
}

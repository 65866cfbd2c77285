/** How a cluster stands, in words. */

import type { Cluster } from '@/api/types';
import { span } from '@/lib/age';

/** Return whether a cluster is reached, as a word of states. */
export function reach(of: Pick<Cluster, 'reachable'>): 'reachable' | 'unreachable' | 'unknown' {
  if (of.reachable === null) return 'unknown';
  return of.reachable ? 'reachable' : 'unreachable';
}

/** Milliseconds before their end from which credentials are to be renewed. */
export const SOON = 14 * 24 * 3_600_000;

/** Return when credentials end, and how much that presses; null for credentials without an end. */
export function ending(at: string | null, now: number): { said: string; word: 'failed' | 'out-of-sync' | 'synced' } | null {
  if (at === null) return null;
  const left = Date.parse(at) - now;
  if (left <= 0) return { said: `ended ${span(-left / 1000)} ago`, word: 'failed' };
  return { said: `end in ${span(left / 1000)}`, word: left < SOON ? 'out-of-sync' : 'synced' };
}

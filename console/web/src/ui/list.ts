/** The list that keys move through: the one on the page, and the one that the page was opened from. */

import { step } from '@/lib/keys';

export interface List {
  move(by: 1 | -1): void;
  open(): boolean;
}

const TRAIL = 'flotilla.trail';
const MOST = 500;
let current: List | null = null;

/** Make a list the one that keys move through; returns what ends that. */
export function register(list: List): () => void {
  current = list;
  return () => {
    if (current === list) current = null;
  };
}

/** Return the list that keys move through now; null for none. */
export function listOf(): List | null {
  return current;
}

/** Remember the addresses of a list's rows, so that `[` and `]` lead from one to the next. */
export function leaveTrail(addresses: readonly string[]): void {
  sessionStorage.setItem(TRAIL, JSON.stringify(addresses.slice(0, MOST)));
}

/** Return the address before or behind this one in the list that it was opened from; null for none. */
export function along(here: string, by: 1 | -1): string | null {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(TRAIL) ?? '[]');
    return Array.isArray(kept) ? step(kept.map(String), here, by) : null;
  } catch {
    return null;
  }
}

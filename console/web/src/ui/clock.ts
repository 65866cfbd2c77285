/** One clock for all ages on a page. */

import { useSyncExternalStore } from 'react';

const listeners = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

function tick(): void {
  now = Date.now();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(tick, 5_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** Return the time in milliseconds, anew every five seconds. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

/** Let ages count from this moment: an answer came whose instants are newer than the clock's last tick. */
export function catchUp(): void {
  if (Date.now() - now > 1000) tick();
}

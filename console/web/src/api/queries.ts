/** How answers are kept: asked again while somebody looks, and shown until the next one is there. */

import { QueryClient } from '@tanstack/react-query';

import { ApiError } from '@/api/problem';

/** Milliseconds between two looks at what changes, while no events come. */
const EVERY = 5_000;
/** The same while they do: what is looked at all the same tells of a time that passed, not of a change. */
const SELDOM = 20_000;

let live = false;

/** Say whether events come. */
export function setLive(goes: boolean): void {
  live = goes;
}

/** Return the milliseconds until the next look. */
export function interval(): number {
  return live ? SELDOM : EVERY;
}

export function queryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: EVERY / 2,
        refetchInterval: interval,
        retry: (failures, error) => failures < 2 && error instanceof ApiError && error.passes,
        // 1, 2, 4, … up to 60 seconds: a hub that comes back is not met by all who wait at once.
        retryDelay: (failures) => Math.min(60_000, 1000 * 2 ** failures) * (0.75 + Math.random() / 2),
      },
    },
  });
}

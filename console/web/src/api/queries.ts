/** How answers are kept: asked again while somebody looks, and shown until the next one is there. */

import { QueryClient } from '@tanstack/react-query';

import { ApiError } from '@/api/problem';

/** Milliseconds between two looks at what changes. */
export const EVERY = 5_000;

export function queryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: EVERY / 2,
        refetchInterval: EVERY,
        retry: (failures, error) => failures < 2 && error instanceof ApiError && error.passes,
        // 1, 2, 4, … up to 60 seconds: a hub that comes back is not met by all who wait at once.
        retryDelay: (failures) => Math.min(60_000, 1000 * 2 ** failures) * (0.75 + Math.random() / 2),
      },
    },
  });
}

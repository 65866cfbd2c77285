/** How answers are kept: asked again while somebody looks, and shown until the next one is there. */

import { type Query, QueryClient } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';

import { ApiError } from '@/api/problem';
import { EVERY, interval as every } from '@/lib/fresh';

/** How the stream of events goes: `none` until one is tried, and where a browser can have none. */
export type Stream = 'none' | 'live' | 'lost';

const listeners = new Set<() => void>();
let stream: Stream = 'none';

/** Say whether events come. */
export function setLive(goes: boolean): void {
  stream = goes ? 'live' : 'lost';
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Return how the stream of events goes. */
export function useStream(): Stream {
  return useSyncExternalStore(subscribe, () => stream);
}

/** Return the milliseconds until the next look at something. */
export function interval(query: Pick<Query, 'state'>): number {
  return every(stream === 'live', query.state.data);
}

export function queryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // What a browser takes for being offline says nothing of the way to the hub: asking tells.
        networkMode: 'always',
        staleTime: EVERY / 2,
        refetchInterval: interval,
        retry: (failures, error) => failures < 2 && error instanceof ApiError && error.passes,
        // 1, 2, 4, … up to 60 seconds: a hub that comes back is not met by all who wait at once.
        retryDelay: (failures) => Math.min(60_000, 1000 * 2 ** failures) * (0.75 + Math.random() / 2),
      },
      mutations: { networkMode: 'always' },
    },
  });
}

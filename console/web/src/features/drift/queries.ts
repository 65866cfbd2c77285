import { keepPreviousData, useQuery } from '@tanstack/react-query';

import { api, read } from '@/api/client';

/** Milliseconds between two looks. A report over runs: dearer than what else is looked at. */
export const EVERY = 30_000;

export function useDrift(hours: number) {
  return useQuery({
    queryKey: ['drift', hours],
    queryFn: ({ signal }) => read(api.GET('/api/v1/drift/groups', { params: { query: { hours } }, signal })),
    placeholderData: keepPreviousData,
    refetchInterval: EVERY,
  });
}

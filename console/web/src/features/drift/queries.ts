import { keepPreviousData, useQuery } from '@tanstack/react-query';

import { api, read } from '@/api/client';

export function useDrift(hours: number) {
  return useQuery({
    queryKey: ['drift', hours],
    queryFn: ({ signal }) => read(api.GET('/api/v1/drift', { params: { query: { hours } }, signal })),
    placeholderData: keepPreviousData,
    // A report over runs: dearer than what else is looked at.
    refetchInterval: 30_000,
  });
}

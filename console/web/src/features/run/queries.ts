import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';

import { api, read } from '@/api/client';
import { given } from '@/lib/given';

export interface Filter {
  cluster?: string | undefined;
  application?: string | undefined;
  state?: string | undefined;
  outcome?: string | undefined;
}

export function useRuns(filter: Filter) {
  return useInfiniteQuery({
    queryKey: ['runs', filter],
    queryFn: ({ pageParam, signal }) =>
      read(api.GET('/api/v1/runs', { params: { query: { ...given(filter), limit: 50, after: pageParam } }, signal })),
    initialPageParam: '',
    getNextPageParam: (last) => last.after || undefined,
    placeholderData: keepPreviousData,
  });
}

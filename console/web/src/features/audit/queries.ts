import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';

import { api, read } from '@/api/client';

import { filter, type Wanted } from './model';

export function useAudit(wanted: Wanted) {
  return useInfiniteQuery({
    queryKey: ['audit', wanted],
    queryFn: ({ pageParam, signal }) =>
      read(api.GET('/api/v1/audit', { params: { query: { ...filter(wanted), limit: 50, after: pageParam } }, signal })),
    initialPageParam: '',
    getNextPageParam: (last) => last.after || undefined,
    placeholderData: keepPreviousData,
  });
}

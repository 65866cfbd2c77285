import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';

import { get, type Query } from '@/api/client';
import { EVERY } from '@/api/queries';
import type { Page, Run, RunDetail } from '@/api/types';

export function useRun(run: string) {
  return useQuery({
    queryKey: ['run', run],
    queryFn: ({ signal }) => get<RunDetail>(['runs', run], {}, signal),
    // A run that has ended never changes.
    refetchInterval: (query) => (query.state.data?.run.state === 'ended' ? false : EVERY),
  });
}

export function useRuns(filter: Query) {
  return useInfiniteQuery({
    queryKey: ['runs', filter],
    queryFn: ({ pageParam, signal }) => get<Page<Run>>(['runs'], { ...filter, limit: 50, after: pageParam }, signal),
    initialPageParam: '',
    getNextPageParam: (last) => last.after || undefined,
    placeholderData: keepPreviousData,
  });
}

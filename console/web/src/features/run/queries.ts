import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';

import { api, read } from '@/api/client';
import { interval } from '@/api/queries';
import { given } from '@/lib/given';

export function useRun(run: string) {
  return useQuery({
    queryKey: ['run', run],
    queryFn: ({ signal }) => read(api.GET('/api/v1/runs/{run_id}', { params: { path: { run_id: run } }, signal })),
    // A run that has ended never changes.
    refetchInterval: (query) => (query.state.data?.run.state === 'ended' ? false : interval(query)),
  });
}

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

import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';

import { api, read } from '@/api/client';
import { given } from '@/lib/given';

export interface Filter {
  health?: string | undefined;
  sync?: string | undefined;
  cluster?: string | undefined;
  application?: string | undefined;
}

/** How many of the worst are shown before somebody asks for more. */
const FIRST = 50;
/** Placements that a picture of single cells is drawn of. */
const PICTURED = 500;

export function useStatus() {
  return useQuery({ queryKey: ['status'], queryFn: ({ signal }) => read(api.GET('/api/v1/status', { signal })) });
}

/** Placements of a filter; without one of health or sync those with problems, the worst first. */
export function usePlacements(filter: Filter) {
  const show = filter.health || filter.sync ? 'all' : 'problems';
  return useInfiniteQuery({
    queryKey: ['placements', filter, show],
    queryFn: ({ pageParam, signal }) =>
      read(api.GET('/api/v1/placements', { params: { query: { ...given(filter), show, limit: FIRST, after: pageParam } }, signal })),
    initialPageParam: '',
    getNextPageParam: (last) => last.after || undefined,
    placeholderData: keepPreviousData,
  });
}

/** The placements of a small fleet, for its picture; `after` says that it is not all of them. */
export function usePicture(filter: Filter) {
  const part = given({ cluster: filter.cluster, application: filter.application });
  return useQuery({
    queryKey: ['picture', part],
    queryFn: ({ signal }) => read(api.GET('/api/v1/placements', { params: { query: { ...part, limit: PICTURED } }, signal })),
  });
}

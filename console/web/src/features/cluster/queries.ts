import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';

import { api, read } from '@/api/client';
import { given } from '@/lib/given';

const FIRST = 50;

/** The cluster of a name, in a list of one. */
export function useCluster(cluster: string) {
  return useQuery({
    queryKey: ['clusters', cluster],
    queryFn: ({ signal }) => read(api.GET('/api/v1/clusters', { params: { query: { cluster } }, signal })),
  });
}

/** All clusters by name, or those alone that are not reached or not written to. */
export function useClusters(troubled: boolean) {
  return useQuery({
    queryKey: ['clusters', { troubled }],
    queryFn: ({ signal }) => read(api.GET('/api/v1/clusters', { params: { query: { show: troubled ? 'problems' : 'all' } }, signal })),
    placeholderData: keepPreviousData,
  });
}

export function useStatus(cluster: string) {
  return useQuery({
    queryKey: ['status', { cluster }],
    queryFn: ({ signal }) => read(api.GET('/api/v1/status', { params: { query: { cluster } }, signal })),
  });
}

export function usePlacements(cluster: string, health: string | undefined) {
  return useInfiniteQuery({
    queryKey: ['placements', { cluster, health }],
    queryFn: ({ pageParam, signal }) =>
      read(api.GET('/api/v1/placements', { params: { query: { ...given({ cluster, health }), limit: FIRST, after: pageParam } }, signal })),
    initialPageParam: '',
    getNextPageParam: (last) => last.after || undefined,
    placeholderData: keepPreviousData,
  });
}

export function useRuns(cluster: string) {
  return useInfiniteQuery({
    queryKey: ['runs', { cluster }],
    queryFn: ({ pageParam, signal }) =>
      read(api.GET('/api/v1/runs', { params: { query: { cluster, limit: FIRST, after: pageParam } }, signal })),
    initialPageParam: '',
    getNextPageParam: (last) => last.after || undefined,
  });
}

import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';

import { api, read } from '@/api/client';
import { given } from '@/lib/given';

const FIRST = 50;

export function useVersions(application: string) {
  return useQuery({
    queryKey: ['versions', application],
    queryFn: ({ signal }) => read(api.GET('/api/v1/applications/{application}/versions', { params: { path: { application } }, signal })),
  });
}

/** What is wrong with an application's placements; asked for where it is `known` to have any. */
export function useProblems(application: string, known: boolean) {
  return useQuery({
    enabled: known,
    queryKey: ['problems', { application }],
    queryFn: ({ signal }) => read(api.GET('/api/v1/problems', { params: { query: { application } }, signal })),
  });
}

export function usePlacements(application: string, health: string | undefined) {
  return useInfiniteQuery({
    queryKey: ['placements', { application, health }],
    queryFn: ({ pageParam, signal }) =>
      read(api.GET('/api/v1/placements', { params: { query: { ...given({ application, health }), limit: FIRST, after: pageParam } }, signal })),
    initialPageParam: '',
    getNextPageParam: (last) => last.after || undefined,
    placeholderData: keepPreviousData,
  });
}

export function useRuns(application: string) {
  return useInfiniteQuery({
    queryKey: ['runs', { application }],
    queryFn: ({ pageParam, signal }) =>
      read(api.GET('/api/v1/runs', { params: { query: { application, limit: FIRST, after: pageParam } }, signal })),
    initialPageParam: '',
    getNextPageParam: (last) => last.after || undefined,
  });
}

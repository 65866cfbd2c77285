import { useQuery } from '@tanstack/react-query';

import { api, read } from '@/api/client';

const RUNS = 20;

export interface Ref {
  cluster: string;
  application: string;
}

export function useWhy(ref: Ref) {
  return useQuery({
    queryKey: ['why', ref],
    queryFn: ({ signal }) =>
      read(api.GET('/api/v1/placements/{cluster}/{application}/why', { params: { path: ref }, signal })),
  });
}

export function useObjects(ref: Ref) {
  return useQuery({
    queryKey: ['placement', ref],
    queryFn: ({ signal }) => read(api.GET('/api/v1/placements/{cluster}/{application}', { params: { path: ref }, signal })),
  });
}

export function useRuns(ref: Ref) {
  return useQuery({
    queryKey: ['runs', ref],
    queryFn: ({ signal }) => read(api.GET('/api/v1/runs', { params: { query: { ...ref, limit: RUNS } }, signal })),
  });
}

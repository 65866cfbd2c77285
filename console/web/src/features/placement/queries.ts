import { useQuery } from '@tanstack/react-query';

import { get } from '@/api/client';
import type { Page, PlacementDetail, Run, Why } from '@/api/types';

const RUNS = 20;

export function useWhy(cluster: string, application: string) {
  return useQuery({
    queryKey: ['why', cluster, application],
    queryFn: ({ signal }) => get<Why>(['placements', cluster, application, 'why'], {}, signal),
  });
}

export function useObjects(cluster: string, application: string) {
  return useQuery({
    queryKey: ['placement', cluster, application],
    queryFn: ({ signal }) => get<PlacementDetail>(['placements', cluster, application], {}, signal),
  });
}

export function useRuns(cluster: string, application: string) {
  return useQuery({
    queryKey: ['runs', cluster, application],
    queryFn: ({ signal }) => get<Page<Run>>(['runs'], { cluster, application, limit: RUNS }, signal),
  });
}

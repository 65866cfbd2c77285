import { useQuery } from '@tanstack/react-query';

import { api, read } from '@/api/client';

/** Faults that are asked for at a time; the page says how many more there are. */
const MOST = 500;

export function useFaults() {
  return useQuery({
    queryKey: ['faults'],
    queryFn: ({ signal }) => read(api.GET('/api/v1/faults', { params: { query: { limit: MOST } }, signal })),
  });
}

export function useStatus() {
  return useQuery({ queryKey: ['status'], queryFn: ({ signal }) => read(api.GET('/api/v1/status', { signal })) });
}

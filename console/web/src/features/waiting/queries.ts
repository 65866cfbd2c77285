import { useQuery } from '@tanstack/react-query';

import { api, read } from '@/api/client';

/** Approvals that are asked for at a time; the page says where there are more. */
const MOST = 500;

export function useApprovals(state: 'open' | 'all') {
  return useQuery({
    queryKey: ['approvals', state],
    queryFn: ({ signal }) => read(api.GET('/api/v1/approvals', { params: { query: { state, limit: MOST } }, signal })),
  });
}

/** Clusters that are not reached or not written to. */
export function useAway() {
  return useQuery({
    queryKey: ['clusters', 'problems'],
    queryFn: ({ signal }) => read(api.GET('/api/v1/clusters', { params: { query: { show: 'problems' } }, signal })),
  });
}

export function useStatus() {
  return useQuery({ queryKey: ['status'], queryFn: ({ signal }) => read(api.GET('/api/v1/status', { signal })) });
}

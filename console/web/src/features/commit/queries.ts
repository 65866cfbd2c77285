import { useQuery } from '@tanstack/react-query';

import { api, read } from '@/api/client';
import { given } from '@/lib/given';

export function useReach(name: string, repo: string | undefined) {
  return useQuery({
    queryKey: ['commit', name, repo],
    queryFn: ({ signal }) =>
      read(api.GET('/api/v1/commits/{name}', { params: { path: { name }, query: given({ repo }) }, signal })),
  });
}

import { useQuery } from '@tanstack/react-query';

import { api, read } from '@/api/client';

export function useStatus() {
  return useQuery({ queryKey: ['status'], queryFn: ({ signal }) => read(api.GET('/api/v1/status', { signal })) });
}

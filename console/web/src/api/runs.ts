/** One run, which a page tells of and the panel of an action follows to its end. */

import { useQuery } from '@tanstack/react-query';

import { api, read } from '@/api/client';
import { interval } from '@/api/queries';

export function useRun(run: string) {
  return useQuery({
    queryKey: ['run', run],
    queryFn: ({ signal }) => read(api.GET('/api/v1/runs/{run_id}', { params: { path: { run_id: run } }, signal })),
    // A run that has ended never changes.
    refetchInterval: (query) => (query.state.data?.run.state === 'ended' ? false : interval(query)),
  });
}

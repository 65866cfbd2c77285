/** Who looks at the pages, and what they may do. */

import { useQuery } from '@tanstack/react-query';

import { api, read } from '@/api/client';
import type { components } from '@/api/schema';

export type Me = components['schemas']['Me'];
export type Verb = Me['rights'][number]['verb'];

export function useMe() {
  return useQuery({
    queryKey: ['me'],
    queryFn: ({ signal }) => read(api.GET('/api/v1/me', { signal })),
    staleTime: 60_000,
    refetchInterval: false,
  });
}

/** Return whether somebody holds a verb in a project; without one, whether they hold it in any. */
export function may(me: Me, verb: Verb, project?: string): boolean {
  return me.rights.some((one) => one.verb === verb && (one.everywhere || project === undefined || one.projects.includes(project)));
}

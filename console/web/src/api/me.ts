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

/** Return the verbs that somebody holds, by where; what is held everywhere is the first, with null. */
export function held(me: Me): { project: string | null; verbs: Verb[] }[] {
  const everywhere = me.rights.filter((one) => one.everywhere).map((one) => one.verb);
  const projects = [...new Set(me.rights.flatMap((one) => one.projects))].sort();
  const each = projects.map((project) => ({ project, verbs: me.rights.filter((one) => one.projects.includes(project)).map((one) => one.verb) }));
  return [...(everywhere.length > 0 ? [{ project: null, verbs: everywhere }] : []), ...each];
}

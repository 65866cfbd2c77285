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
    // Whoever may do nothing waits for a role.
    refetchInterval: ({ state }) => (state.data?.rights.length === 0 ? 15_000 : false),
  });
}

/** Return whether somebody holds a verb in a project; without one, whether they hold it in any. */
export function may(me: Me, verb: Verb, project?: string): boolean {
  return me.rights.some((one) => one.verb === verb && (one.everywhere || project === undefined || one.projects.includes(project)));
}

/** Return why somebody may do nothing, and what they do about it. */
export function lacks(me: Pick<Me, 'lacking' | 'groups'>): [string, string] {
  const groups = me.groups.length > 0 ? `You are in ${me.groups.join(', ')}` : 'You are in no group';
  switch (me.lacking) {
    case 'groups.unknown':
      return ['The identity provider did not tell which groups you are in.', 'Ask an admin of this hub to look at its settings for signing in.'];
    case 'groups.old':
      return ['What the identity provider told of your groups is too old to count.', 'Sign out and in again.'];
    case 'token.less':
      return ['Your roles give no right.', 'Ask who keeps the registry for a role that does.'];
    default:
      return [`No role is yours. ${groups}.`, 'Ask who keeps the registry to give a group of yours a role in `Project.spec.roles`, or an admin of this hub for one of the whole fleet.'];
  }
}

/** Return the verbs that somebody holds, by where; what is held everywhere is the first, with null. */
export function held(me: Me): { project: string | null; verbs: Verb[] }[] {
  const everywhere = me.rights.filter((one) => one.everywhere).map((one) => one.verb);
  const projects = [...new Set(me.rights.flatMap((one) => one.projects))].sort();
  const each = projects.map((project) => ({ project, verbs: me.rights.filter((one) => one.projects.includes(project)).map((one) => one.verb) }));
  return [...(everywhere.length > 0 ? [{ project: null, verbs: everywhere }] : []), ...each];
}

/** What somebody may do, in words. */

import type { Me, Verb } from '@/api/me';
import type { Token } from '@/api/types';

/** Every verb, with what it lets somebody do. */
export const VERBS: readonly (readonly [Verb, string])[] = [
  ['read', 'see placements, runs, commits, faults and the audit'],
  ['logs', 'see what pods write'],
  ['sync', 'sync, check and refresh'],
  ['pause', 'pause and resume'],
  ['approve', 'approve and reject what waits'],
  ['pin', 'hold a target at a version'],
  ['rollback', 'take a version back'],
  ['operate', 'restart, suspend and promote what runs'],
  ['admin', 'look after people, their sessions and tokens'],
];

/** Return where somebody holds a verb, in words; empty for nowhere. */
export function where(me: Me, verb: Verb): string {
  const held = me.rights.filter((one) => one.verb === verb);
  if (held.some((one) => one.everywhere)) return 'everywhere';
  return [...new Set(held.flatMap((one) => one.projects))].sort().join(', ');
}

/** Return by what somebody has shown who they are, in words. */
export function means(of: Me['means']): string {
  switch (of) {
    case 'session':
      return 'signed in with this browser';
    case 'hub-token':
      return "signed in with the hub's own token";
    default:
      return `by ${of}`;
  }
}

const EVERYWHERE = '*';

/** Return what a token may be used for at most: its verbs by where, in words. */
export function bounds(rights: Token['rights']): string[] {
  const found = new Map<string, string[]>();
  for (const { verb, project } of rights) found.set(project, [...(found.get(project) ?? []), verb]);
  return [...found].map(([project, verbs]) => {
    const all = VERBS.every(([verb]) => verbs.includes(verb)) ? 'whatever its maker may' : verbs.join(', ');
    return project === EVERYWHERE ? all : `${all} in ${project}`;
  });
}

/** Return the state of a token as a word of states. */
export function stateOf(of: Pick<Token, 'revoked_at' | 'expires_at'>, now: number): 'open' | 'revoked' | 'ended' {
  if (of.revoked_at !== null) return 'revoked';
  return Date.parse(of.expires_at) <= now ? 'ended' : 'open';
}

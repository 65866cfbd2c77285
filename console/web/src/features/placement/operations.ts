/** What can be done to an object on its cluster, in words. */

import type { LiveObject } from './live';

interface Words {
  title: string;
  says: string;
}

const WORDS: Readonly<Record<string, Words>> = {
  restart: { title: 'Restart', says: 'Its pods are replaced by new ones, as its update strategy says; nothing else of it changes.' },
  suspend: { title: 'Suspend', says: 'It starts nothing until it is resumed.' },
  resume: { title: 'Resume', says: 'It goes on where it was suspended.' },
  promote: { title: 'Promote', says: 'Its update goes on to the next step.' },
  'promote-full': { title: 'Promote fully', says: 'Its update goes to its end, past all steps and analyses that are left.' },
  abort: { title: 'Abort', says: 'Its update stops, and all its traffic goes back to the version before.' },
  retry: { title: 'Retry', says: 'Its aborted update begins again.' },
};

/** Return how an action is called and what it does; one of a newer hub is called by its own name. */
export function words(action: string, kind: string): Words {
  if (action === 'suspend' && kind === 'Job') return { title: 'Suspend', says: 'Its running pods are ended until it is resumed.' };
  return (Object.hasOwn(WORDS, action) && WORDS[action]) || { title: action, says: '' };
}

/** Return an object of a tree by its id; null where it is not there any more. */
export function find(objects: readonly LiveObject[], id: string): LiveObject | null {
  for (const one of objects) {
    const found = one.id === id ? one : find(one.children, id);
    if (found !== null) return found;
  }
  return null;
}

/** Return how many pods hang on an object. */
export function pods(of: LiveObject): number {
  return of.children.reduce((count, one) => count + (one.kind === 'Pod' ? 1 : pods(one)), 0);
}

/** What exactly an approval allows, read from what it lists. */

import type { Approval } from '@/api/types';

export interface Meaning {
  /** What a yes does, in one sentence. */
  does: string;
  /** Objects that would be removed, or taken over. */
  objects: string[];
  placements: string[];
  /** Whether something is removed. */
  removes: boolean;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function counted(count: number, what: string): string {
  return `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`;
}

/** Return what an approval allows; of a kind that is not known, its list is shown and nothing is said of it. */
export function meaning({ kind, subject, payload }: Pick<Approval, 'kind' | 'subject' | 'payload'>): Meaning {
  const [objects, placements] = [texts(payload['objects']), texts(payload['placements'])];
  const lists = { objects, placements };
  const text = (key: string) => String(payload[key] ?? '');
  switch (kind) {
    case 'prune':
      return { ...lists, does: `Removes ${counted(objects.length, 'object')} of ${subject}, and nothing else.`, removes: true };
    case 'leaving':
      return { ...lists, does: `Lets ${counted(placements.length, 'placement')} leave the fleet.`, removes: true };
    case 'drain':
      return {
        ...lists,
        does: `Removes what Flotilla owns on ${subject}: ${counted(placements.length, 'placement')}.`,
        removes: true,
      };
    case 'identity':
      return { ...lists, does: `Lets Flotilla write to ${subject}, which answers now as ${text('identity')}.`, removes: false };
    case 'move':
      return {
        ...lists,
        does: `Moves ${counted(objects.length, 'object')} from ${text('from')} to ${subject}${text('revision') && `, at ${text('revision').slice(0, 12)}`}.`,
        removes: false,
      };
    default:
      return { ...lists, does: '', removes: false };
  }
}

export interface Group {
  key: string;
  /** What asks for the same, the latest first; never empty. */
  all: Approval[];
}

/** Return approvals with those that allow the same of another subject together, in their order. */
export function groups(approvals: readonly Approval[]): Group[] {
  const found = new Map<string, Approval[]>();
  for (const one of approvals) {
    const key = JSON.stringify([one.kind, one.reason, one.payload]);
    found.set(key, [...(found.get(key) ?? []), one]);
  }
  return [...found].map(([key, all]) => ({ key, all }));
}

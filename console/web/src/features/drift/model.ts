/** Drift as the server tells it: once where the same fields differ. */

import type { DriftGroup } from '@/api/types';

export type Changed = DriftGroup['objects'][number];

const WORDS: Readonly<Record<DriftGroup['state'], string>> = {
  differs: 'out-of-sync',
  fight: 'fight',
  corrected: 'corrected',
  'by-hand': 'by hand',
};

/** Return the word of a state that pages show. */
export function word(of: DriftGroup['state']): string {
  return WORDS[of];
}

/** Return how an object is called among those of one group. */
export function called(of: Changed): string {
  return [of.kind, of.namespace === '' ? of.name : `${of.namespace}/${of.name}`].join(' ');
}

/** Return the objects of a group whose fields are known. */
export function told(of: DriftGroup): Changed[] {
  return of.objects.filter((one) => one.fields.length > 0);
}

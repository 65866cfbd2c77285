/** What the search offers for a text. */

import type { Placement } from '@/api/types';
import { PAGES } from '@/app/pages';

export interface Found {
  to: string;
  title: string;
  what: string;
  placement?: Placement;
}

const RUN = /^[0-9a-f-]{12,36}$/i;
const COMMIT = /^(sha256:)?[0-9a-f]{6,64}$/i;

function below(section: string, ...names: string[]): string {
  return [`/${section}`, ...names.map(encodeURIComponent)].join('/');
}

/**
 * Return where a text may lead, the nearest first.
 *
 * @param found the placements of that name; undefined while nobody knows, when nothing is guessed.
 */
export function suggestions(text: string, found: readonly Placement[] | undefined): Found[] {
  if (text === '') return PAGES.map((page) => ({ to: page.to, title: page.title, what: 'page' }));
  const pages = PAGES.filter((page) => page.title.toLowerCase().startsWith(text.toLowerCase()));
  const placements = found ?? [];
  const named = new Set(placements.map((one) => one.ref));
  const commit = { to: below('commits', text), title: text };
  return [
    ...(COMMIT.test(text) ? [{ ...commit, what: 'commit' }] : []),
    ...(RUN.test(text) ? [{ to: below('runs', text.toLowerCase()), title: text, what: 'run' }] : []),
    ...(placements.some((one) => one.application === text) ? [{ to: below('applications', text), title: text, what: 'application' }] : []),
    ...(placements.some((one) => one.cluster === text) ? [{ to: below('clusters', text), title: text, what: 'cluster' }] : []),
    ...placements
      .filter((one) => named.delete(one.ref))
      .map((one) => ({ to: below('placements', one.cluster, one.application), title: one.ref, what: 'placement', placement: one })),
    ...pages.map((page) => ({ to: page.to, title: page.title, what: 'page' })),
    ...(found === undefined || COMMIT.test(text) ? [] : [{ ...commit, what: 'tag or version' }]),
  ];
}

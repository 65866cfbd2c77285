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

/** Return where a text may lead, the nearest first. */
export function suggestions(text: string, placements: readonly Placement[]): Found[] {
  const pages = PAGES.filter((page) => page.title.toLowerCase().startsWith(text.toLowerCase()));
  const named = new Set(placements.map((one) => one.ref));
  return [
    ...(RUN.test(text) ? [{ to: `/runs/${text.toLowerCase()}`, title: text, what: 'run' }] : []),
    ...placements
      .filter((one) => named.delete(one.ref))
      .map((one) => ({
        to: `/placements/${encodeURIComponent(one.cluster)}/${encodeURIComponent(one.application)}`,
        title: one.ref,
        what: 'placement',
        placement: one,
      })),
    ...pages.map((page) => ({ to: page.to, title: page.title, what: 'page' })),
  ];
}

/** What the search offers for a text. */

import type { Hit } from '@/api/types';
import { PAGES } from '@/app/pages';

export interface Found {
  to: string;
  title: string;
  what: string;
  /** How a placement is. */
  health?: string;
}

/** Where the page of each kind of thing is. */
const SECTIONS: Readonly<Record<Hit['kind'], string>> = {
  application: 'applications',
  cluster: 'clusters',
  commit: 'commits',
  placement: 'placements',
  run: 'runs',
};

function offered({ kind, name, about }: Hit): Found {
  const parts = kind === 'placement' ? [name.slice(0, name.indexOf('/')), name.slice(name.indexOf('/') + 1)] : [name];
  const to = ['', SECTIONS[kind], ...parts.map(encodeURIComponent)].join('/');
  if (kind === 'placement') return { to, title: name, what: kind, health: about };
  return { to, title: kind === 'commit' && about ? `${name.slice(0, 12)} ${about}` : name, what: kind === 'run' && about ? `run of ${about}` : kind };
}

/** Return where a text may lead: what was found by it, in the order of the hub, then pages that begin so. */
export function suggestions(text: string, found: readonly Hit[]): Found[] {
  const pages = PAGES.filter((page) => page.title.toLowerCase().startsWith(text.toLowerCase()));
  return [...found.map(offered), ...pages.map((page) => ({ to: page.to, title: page.title, what: 'page' }))];
}

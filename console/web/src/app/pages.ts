/** The pages that the navigation leads to. */

export interface PageLink {
  to: string;
  title: string;
  /** Behind `g`. */
  letter: string;
}

export const PAGES: readonly PageLink[] = [
  { to: '/', title: 'Fleet', letter: 'f' },
  { to: '/runs', title: 'Runs', letter: 'r' },
];
